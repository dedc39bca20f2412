import type { Spec } from "vega";
import { suitsLog } from "./charts/domain.js";
import { type ScatterData, scatterData } from "./charts/scatter-data.js";
import { scatterSpec } from "./charts/scatter-spec.js";
import { lightTheme } from "./charts/theme.js";
import type { ReportAxis, ReportModel } from "./report-model.js";
import { PICTURE_FONT } from "./svg.js";

/** The charts a report has. */
export const charts = ["frontier", "speed"] as const;

export type ChartName = (typeof charts)[number];

// A picture of a column's width at twice the size of print, with room for a legend beside it.
const width_px = 640;
const height_px = 420;

/** The specification of a chart as a picture that stands alone, with its title, its legends, and what it does not show. */
export function pictureSpec(model: ReportModel, chart: ChartName): Spec {
  const frontier = chart === "frontier";
  const [x, y] = frontier ? [model.x, model.y] : [model.memory, model.speed];
  const data = scatterData(model, { x, y, frontier });
  const log = {
    x: wantsLog(
      data.axes.x,
      data.rows.map((row) => row.x),
    ),
    y: wantsLog(
      data.axes.y,
      data.rows.map((row) => row.y),
    ),
  };
  const standalone = { title: model.title, subtitle: subtitle(data, frontier) };
  return scatterSpec(data, { theme: lightTheme, width_px, height_px, font: PICTURE_FONT, log, standalone });
}

/** Whether an axis starts out logarithmic: where its values are far apart, and shares never. */
function wantsLog({ share }: ReportAxis, values: readonly number[]): boolean {
  return !share && suitsLog(values);
}

function subtitle({ axes, rows, missing }: ScatterData, frontier: boolean): string {
  const shown = `${rows.length} of ${rows.length + missing.length} points`;
  const best = frontier ? `, ${rows.filter((row) => row.on_frontier).length} on the frontier` : "";
  const absent = missing.length === 0 ? "" : `; the others lack ${axes.x.label} or ${axes.y.label}`;
  return `${shown}${best}${absent}`;
}
