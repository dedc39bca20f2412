import type { Axis, Config, Legend, Mark, Scale, Spec } from "vega";
import { axisTitle } from "../format-figure.js";
import type { ReportAxis } from "../report-model.js";
import type { Domain } from "./domain.js";
import type { Theme } from "./theme.js";

export type AxisSpec = Axis;
export type LegendSpec = Legend;
export type MarkSpec = Mark;
export type ScaleSpec = Scale;

/** An axis with its grid, few ticks, and labels that never overlap. */
export function axisSpec(
  side: "x" | "y",
  axis: ReportAxis,
  { scale, high, low }: Domain,
  { width_px, height_px }: { readonly width_px: number; readonly height_px: number },
): AxisSpec {
  const arrow = {
    "x:higher": "→ better",
    "x:lower": "← better",
    "y:higher": "→ better",
    "y:lower": "← better",
  } as const;
  const length_px = side === "x" ? width_px : height_px;
  const large = Math.max(Math.abs(high), Math.abs(low)) >= 10_000;
  return {
    scale: side,
    orient: side === "x" ? "bottom" : "left",
    title: `${axisTitle(axis)}   ${arrow[`${side}:${axis.better}`]}`,
    format: axis.share ? "~%" : large ? "~s" : "~r",
    tickCount: Math.max(2, Math.round(length_px / (scale === "log" ? 120 : 85))),
    labelOverlap: "greedy",
    labelFlush: false,
    grid: true,
  };
}

/** A title that says what the picture shows, and a line of facts below it. */
export function titleSpec(
  { title, subtitle }: { readonly title: string; readonly subtitle: string },
  { theme, font }: { readonly theme: Theme; readonly font: string },
): Extract<Spec["title"], object> {
  return {
    text: title,
    subtitle,
    anchor: "start",
    frame: "group",
    offset: 18,
    font,
    subtitleFont: font,
    fontSize: 18,
    fontWeight: "normal",
    subtitleFontSize: 12,
    subtitlePadding: 6,
    color: theme.ink,
    subtitleColor: theme.faint_ink,
    limit: 0,
  };
}

/** Letters and lines shared by all charts. */
export function textConfig(font: string, theme: Theme, size_px = 12): Config {
  return {
    axis: {
      labelFont: font,
      titleFont: font,
      labelFontSize: size_px,
      titleFontSize: size_px + 1,
      titleFontWeight: "normal",
      labelColor: theme.faint_ink,
      titleColor: theme.ink,
      titlePadding: 10,
      labelPadding: 6,
      gridColor: theme.grid,
      domainColor: theme.grid,
      tickColor: theme.grid,
      ticks: false,
    },
    legend: {
      labelFont: font,
      titleFont: font,
      labelFontSize: size_px,
      titleFontSize: size_px,
      titleFontWeight: "normal",
      labelColor: theme.ink,
      titleColor: theme.faint_ink,
      rowPadding: 5,
      offset: 24,
      labelLimit: 220,
      symbolStrokeColor: theme.faint_ink,
    },
  };
}
