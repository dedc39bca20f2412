import { type CsvValue, csvText } from "./csv.js";
import type { ReportModel } from "./report-model.js";

/**
 * The points of a report as CSV: a row each, with the name, the verdict, whether it is rankable and why not, the value
 * and the interval on every axis, and everything its packet says. A figure that is not there is an empty cell.
 */
export function reportCsv(model: ReportModel): string {
  const facts = [...new Set(model.points.flatMap(({ facts }) => facts.map(([name]) => name)))];
  const intervals = new Set(
    model.axes
      .filter(({ key }) => model.points.some(({ figures }) => intervalOf(figures[key]) !== undefined))
      .map(({ key }) => key),
  );
  const header = [
    ...["point", "verdict", "rankable", "unrankable_reasons"],
    ...model.axes.flatMap(({ key }) => (intervals.has(key) ? [key, `${key}_low`, `${key}_high`] : [key])),
    ...facts.map((name) => `packet.${name}`),
  ];
  const rows = model.points.map((point): CsvValue[] => {
    const said = new Map(point.facts);
    return [
      point.name,
      point.verdict,
      point.rankable,
      point.unrankable_reasons.join("; "),
      ...model.axes.flatMap(({ key }) => {
        const figure = point.figures[key];
        const interval = intervalOf(figure);
        const bounds = intervals.has(key) ? [interval?.low ?? null, interval?.high ?? null] : [];
        return [figure?.value ?? null, ...bounds];
      }),
      ...facts.map((name) => said.get(name) ?? null),
    ];
  });
  return csvText(header, rows);
}

function intervalOf(
  figure: ReportModel["points"][number]["figures"][string] | undefined,
): { readonly low: number; readonly high: number } | undefined {
  return figure === undefined || figure.value === null ? undefined : figure.interval;
}
