import type { ReportAxis, ReportFigure } from "./report-model.js";

/** Stands where there is no figure. */
export const NO_FIGURE = "–";

const prefixes = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** A number for people: four significant digits at most, thousands shortened (`12.3k`), the very small in exponents. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || (size < 1e-4 && size > 0)) return value.toExponential(2);
  for (const [scale, prefix] of prefixes) {
    if (size >= scale * 9.9995) return `${String(Number((value / scale).toPrecision(4)))}${prefix}`;
  }
  return String(Number(value.toPrecision(4)));
}

/** `value` as the axis counts it: a share in per cent, to a tenth where that does not turn it into 0 or 100. */
export function formatValue(value: number, axis: Pick<ReportAxis, "share">): string {
  if (!axis.share) return formatNumber(value);
  const percent = value * 100;
  const rounded = Number(percent.toFixed(1));
  const hides = (rounded === 0 || rounded === 100) && rounded !== percent;
  return `${String(hides ? Number(percent.toPrecision(4)) : rounded)}%`;
}

/** A figure with its interval, or {@link NO_FIGURE}. */
export function formatFigure(figure: ReportFigure | undefined, axis: Pick<ReportAxis, "share">): string {
  if (figure === undefined || figure.value === null) return NO_FIGURE;
  const value = formatValue(figure.value, axis);
  if (figure.interval === undefined) return value;
  const ends = [figure.interval.low, figure.interval.high].map((end) => formatValue(end, axis).replace("%", ""));
  return `${value} [${ends.join(", ")}]`;
}

/** What an axis is called with its unit: `Throughput (ring tokens/s)`. */
export function axisTitle({ label, unit, share }: ReportAxis): string {
  const shown = share ? null : unit;
  return shown === null || shown === "" ? label : `${label} (${shown})`;
}
