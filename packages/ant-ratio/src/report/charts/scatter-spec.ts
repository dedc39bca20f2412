import type { Spec } from "vega";
import type { ReportAxis } from "../report-model.js";
import { type LegendSpec, type MarkSpec, type ScaleSpec, axisSpec, textConfig, titleSpec } from "./chart-parts.js";
import { type Domain, domainOf, extent } from "./domain.js";
import type { ScatterData, ScatterRow } from "./scatter-data.js";
import { type Theme, tierColours } from "./theme.js";

/** How a scatter chart is drawn. */
export interface ScatterLook {
  readonly theme: Theme;
  /** Of the plot itself; axes and legends come on top. */
  readonly width_px: number;
  readonly height_px: number;
  readonly font: string;
  readonly log: { readonly x: boolean; readonly y: boolean };
  /** For a picture that stands alone: title and legends. A page has its own. */
  readonly standalone: { readonly title: string; readonly subtitle: string } | null;
}

/** A cross with arms, within the square from -1 to 1 that Vega scales by the size of the mark. */
export const FAIL_SHAPE =
  "M-1,-0.64L-0.64,-1L0,-0.36L0.64,-1L1,-0.64L0.36,0L1,0.64L0.64,1L0,0.36L-0.64,1L-1,0.64L-0.36,0Z";

/** Areas of the smallest and the largest mark, in square pixels: large enough to hit, small enough to tell many apart. */
function markSizes(count: number): { readonly smallest: number; readonly largest: number } {
  const shrink = Math.min(1, Math.max(0.25, Math.sqrt(150 / Math.max(1, count))));
  return { smallest: 60 * shrink, largest: 300 * shrink };
}

/** The Vega specification of a scatter chart: intervals, the frontier's line, and one mark for each point. */
export function scatterSpec(data: ScatterData, look: ScatterLook): Spec {
  const { theme, font, log } = look;
  const x = data.axes.x;
  const y = data.axes.y;
  const domains = {
    x: domainOf(reach(data.rows, "x"), { log: log.x, within: limits(x) }),
    y: domainOf(reach(data.rows, "y"), { log: log.y, within: limits(y) }),
  };
  const colours = tierColours(data.tiers, theme);
  const sizes = markSizes(data.rows.length);
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    width: look.width_px,
    height: look.height_px,
    padding: look.standalone === null ? { left: 4, right: 12, top: 8, bottom: 4 } : 24,
    autosize: look.standalone === null ? { type: "fit", contains: "padding" } : { type: "pad", contains: "content" },
    background: theme.surface,
    ...(look.standalone === null ? {} : { title: titleSpec(look.standalone, look) }),
    signals: [
      { name: "selected", value: -1 },
      { name: "pointed", value: -1 },
    ],
    data: [
      { name: "points", values: marked(data.rows) },
      { name: "intervals-x", values: withInterval(data.rows, "x") },
      { name: "intervals-y", values: withInterval(data.rows, "y") },
      { name: "line", values: [...data.line] },
    ],
    scales: [
      scaleOf("x", domains.x, "width"),
      scaleOf("y", domains.y, "height"),
      { name: "tier", type: "ordinal", domain: [...data.tiers], range: [...colours.values()] },
      {
        name: "heads",
        type: "sqrt",
        domain: scaleDomain(headsDomain(data.rows)),
        range: [sizes.smallest, sizes.largest],
        clamp: true,
      },
      {
        name: "standing",
        type: "ordinal",
        domain: ["rankable", "PASS, not rankable", "FAIL"],
        range: ["circle", "circle", FAIL_SHAPE],
      },
    ],
    axes: [axisSpec("x", x, domains.x, look), axisSpec("y", y, domains.y, look)],
    legends: look.standalone === null ? [] : legendSpecs(data, look),
    marks: [
      intervals("x", data.rows.length),
      intervals("y", data.rows.length),
      {
        type: "line",
        name: "frontier",
        from: { data: "line" },
        aria: false,
        interactive: false,
        encode: {
          update: {
            x: { scale: "x", field: "x" },
            y: { scale: "y", field: "y" },
            stroke: { value: theme.frontier },
            strokeWidth: { value: 1.5 },
            strokeDash: { value: [5, 3] },
            strokeJoin: { value: "round" },
            opacity: { value: 0.75 },
          },
        },
      },
      {
        type: "symbol",
        name: "marks",
        from: { data: "points" },
        encode: {
          enter: {
            shape: { field: "shape" },
            size: { field: "size_px2" },
            cursor: { value: "pointer" },
            fill: [
              { test: "datum.standing === 'PASS, not rankable'", value: theme.surface },
              { scale: "tier", field: "tier" },
            ],
            fillOpacity: { value: 0.85 },
            ariaRoleDescription: { value: "point" },
            description: { field: "name" },
          },
          update: {
            x: { scale: "x", field: "x" },
            y: { scale: "y", field: "y" },
            stroke: [
              { test: "datum.standing === 'FAIL'", value: theme.fail },
              { test: "datum.on_frontier", value: theme.frontier },
              { scale: "tier", field: "tier" },
            ],
            strokeWidth: [{ test: "datum.id === pointed", value: 3 }, { value: 1.5 }],
          },
        },
      },
      {
        type: "symbol",
        name: "selection",
        from: { data: "points" },
        aria: false,
        interactive: false,
        encode: {
          update: {
            x: { scale: "x", field: "x" },
            y: { scale: "y", field: "y" },
            shape: { value: "circle" },
            size: { signal: "datum.size_px2 * 2 + 160" },
            fill: { value: "transparent" },
            stroke: { value: theme.ink },
            strokeWidth: { value: 2 },
            opacity: [{ test: "datum.id === selected", value: 1 }, { value: 0 }],
          },
        },
      },
    ],
    config: textConfig(font, theme),
  };
}

/** The shape and the size of a row's mark: areas grow with the root of the heads, from the fewest there are to the most. */
function marked(rows: readonly ScatterRow[]): object[] {
  const [few, many] = headsDomain(rows).map(Math.sqrt);
  const span = (many ?? 0) - (few ?? 0);
  const { smallest, largest } = markSizes(rows.length);
  return rows.map((row) => {
    const share = span === 0 || row.heads === null ? 0 : (Math.sqrt(row.heads) - (few ?? 0)) / span;
    const size_px2 = smallest + (largest - smallest) * share;
    return { ...row, shape: row.standing === "FAIL" ? FAIL_SHAPE : "circle", size_px2 };
  });
}

function limits({ share }: ReportAxis): { readonly min?: number; readonly max?: number } {
  return share ? { min: 0, max: 1 } : {};
}

/** Every number that has to fit on an axis. */
function reach(rows: readonly ScatterRow[], side: "x" | "y"): readonly number[] {
  return rows.flatMap((row) => [row[side], row[`${side}_low`], row[`${side}_high`]]).filter((value) => value !== null);
}

/** A scale needs two ends to say where the smaller one is. */
function scaleDomain([few, many]: [number, number]): [number, number] {
  return [few, Math.max(many, few + 1)];
}

function withInterval(rows: readonly ScatterRow[], side: "x" | "y"): ScatterRow[] {
  return rows.filter((row) => row[`${side}_low`] !== null);
}

function headsDomain(rows: readonly ScatterRow[]): [number, number] {
  const heads = rows.flatMap((row) => (row.heads === null ? [] : [row.heads]));
  const { low, high } = extent(heads);
  return heads.length === 0 ? [1, 1] : [low, high];
}

function scaleOf(name: "x" | "y", { scale, low, high }: Domain, range: "width" | "height"): ScaleSpec {
  return scale === "log"
    ? { name, type: "log", domain: [low, high], range, nice: false, zero: false, clamp: true }
    : { name, type: "linear", domain: [low, high], range, nice: false, zero: false };
}

/** Error bars along one axis. */
function intervals(side: "x" | "y", count: number): MarkSpec {
  const other = side === "x" ? "y" : "x";
  // Of many, only those near the eye's point of interest need to be seen clearly.
  const faintness = count > 300 ? 0.15 : 0.5;
  return {
    type: "rule",
    name: `bars-${side}`,
    from: { data: `intervals-${side}` },
    aria: false,
    interactive: false,
    encode: {
      update: {
        [other]: { scale: other, field: other },
        [side]: { scale: side, field: `${side}_low` },
        [`${side}2`]: { scale: side, field: `${side}_high` },
        stroke: { scale: "tier", field: "tier" },
        strokeWidth: [{ test: "datum.id === pointed || datum.id === selected", value: 2 }, { value: 1.25 }],
        strokeOpacity: [{ test: "datum.id === pointed || datum.id === selected", value: 1 }, { value: faintness }],
        strokeCap: { value: "round" },
      },
    },
  };
}

function legendSpecs(data: ScatterData, { theme }: ScatterLook): LegendSpec[] {
  const tiers: LegendSpec = {
    title: "tier",
    fill: "tier",
    symbolType: "circle",
    symbolStrokeWidth: 0,
    symbolSize: 110,
  };
  const standing: LegendSpec = {
    title: "verdict",
    shape: "standing",
    symbolSize: 110,
    symbolStrokeWidth: 1.5,
    encode: {
      symbols: {
        update: {
          fill: [{ test: "datum.value === 'PASS, not rankable'", value: theme.surface }, { value: theme.faint_ink }],
          stroke: [{ test: "datum.value === 'FAIL'", value: theme.fail }, { value: theme.faint_ink }],
        },
      },
    },
  };
  const [few, many] = headsDomain(data.rows);
  const heads: LegendSpec = {
    title: "heads",
    size: "heads",
    values: few === many ? [few] : [few, many],
    symbolType: "circle",
    symbolStrokeColor: theme.faint_ink,
    symbolFillColor: "transparent",
    format: "d",
  };
  return [
    ...(data.tiers.length === 0 ? [] : [tiers]),
    standing,
    ...(data.rows.some((row) => row.heads !== null) ? [heads] : []),
  ];
}
