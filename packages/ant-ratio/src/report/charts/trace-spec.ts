import type { Spec } from "vega";
import { textConfig } from "./chart-parts.js";
import { domainOf } from "./domain.js";
import type { Theme } from "./theme.js";

// More steps than pixels show nothing more, and cost time.
const most_points = 1_000;

/**
 * The time of each measured step, in order; a step without a time leaves a gap. Long runs are cut into buckets, of
 * which the slowest step is shown, since that is the one a gate looks at.
 */
export function traceSpec(
  times_s: readonly (number | null)[],
  {
    theme,
    font,
    width_px,
    height_px,
  }: { readonly theme: Theme; readonly font: string; readonly width_px: number; readonly height_px: number },
): Spec {
  const bucket = Math.max(1, Math.ceil(times_s.length / most_points));
  const values: { step: number; time_ms: number | null }[] = [];
  for (let from = 0; from < times_s.length; from += bucket) {
    const times = times_s.slice(from, from + bucket).filter((time) => time !== null);
    values.push({ step: from + 1, time_ms: times.length === 0 ? null : Math.max(...times) * 1000 });
  }
  const known = values.flatMap(({ time_ms }) => (time_ms === null ? [] : [time_ms]));
  const { high } = domainOf(known);
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    width: width_px,
    height: height_px,
    padding: { left: 2, right: 8, top: 6, bottom: 2 },
    autosize: { type: "fit", contains: "padding" },
    background: theme.surface,
    signals: [
      { name: "selected", value: -1 },
      { name: "pointed", value: -1 },
    ],
    data: [{ name: "steps", values }],
    scales: [
      { name: "x", type: "linear", domain: [1, Math.max(2, times_s.length)], range: "width", nice: false, zero: false },
      { name: "y", type: "linear", domain: [0, known.length === 0 ? 1 : high], range: "height", nice: false },
    ],
    axes: [
      { scale: "x", orient: "bottom", title: "measured step", format: "d", tickCount: 4, tickMinStep: 1 },
      { scale: "y", orient: "left", title: "ms", tickCount: 3, grid: true, format: "~r" },
    ],
    marks: [
      {
        type: "line",
        from: { data: "steps" },
        encode: {
          update: {
            x: { scale: "x", field: "step" },
            y: { scale: "y", field: "time_ms" },
            defined: { signal: "isValid(datum.time_ms)" },
            stroke: { value: theme.tiers[0] ?? theme.ink },
            strokeWidth: { value: 1.5 },
          },
        },
      },
    ],
    config: textConfig(font, theme, 11),
  };
}
