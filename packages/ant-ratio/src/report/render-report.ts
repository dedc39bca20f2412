import type { AntRatioPacket } from "../packet.js";
import { buildReportModel } from "./build-report-model.js";
import { type ChartName, pictureSpec } from "./chart-picture.js";
import { latexTable as latexTableOf } from "./latex-table.js";
import { reportCsv as reportCsvOf } from "./report-csv.js";
import { renderPage } from "./render-page.js";
import type { ReportOptions } from "./report-options.js";
import { pngOf, svgOf } from "./svg.js";

/**
 * Packets as one HTML text that needs no network and no server: the frontier over axes to choose, speed against memory,
 * a table, and the detail of each point. A packet that is not rankable is shown as such and why; a figure that is
 * not there is listed with its reason and drawn nowhere. The same packets and options give the same bytes.
 * Throws `invalid_argument` for an axis that does not exist.
 */
export function renderReport(packets: readonly AntRatioPacket[], options: ReportOptions = {}): string {
  return renderPage(buildReportModel(packets, options));
}

/**
 * A chart of the report as a picture that stands alone: `frontier` over the options' axes, or `speed` against memory.
 * SVG is a text and needs the optional package vega; PNG is bytes, twice the size of the SVG, and needs
 * @resvg/resvg-js as well. Rejects with `missing_peer` where one is not installed, and with `invalid_argument` for
 * an axis that does not exist.
 */
export function renderChart(
  packets: readonly AntRatioPacket[],
  chart: ChartName,
  format: "svg",
  options?: ReportOptions,
): Promise<string>;
export function renderChart(
  packets: readonly AntRatioPacket[],
  chart: ChartName,
  format: "png",
  options?: ReportOptions,
): Promise<Uint8Array>;
export async function renderChart(
  packets: readonly AntRatioPacket[],
  chart: ChartName,
  format: "svg" | "png",
  options: ReportOptions = {},
): Promise<string | Uint8Array> {
  const svg = await svgOf(pictureSpec(buildReportModel(packets, options), chart));
  return format === "svg" ? svg : pngOf(svg, { zoom: 2 });
}

/**
 * The points of a report as CSV: the name, the verdict, whether it is rankable and why not, the value and the interval on
 * every axis, and everything its packet says. A figure that is not there is an empty cell, never 0.
 */
export function reportCsv(packets: readonly AntRatioPacket[], options: ReportOptions = {}): string {
  return reportCsvOf(buildReportModel(packets, options));
}

/** The points of a report as a LaTeX `tabular` that needs no package; every character of a name stands for itself. */
export function latexTable(packets: readonly AntRatioPacket[], options: ReportOptions = {}): string {
  return latexTableOf(buildReportModel(packets, options));
}
