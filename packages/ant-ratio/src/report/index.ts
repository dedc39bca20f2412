export { writeWhole } from "./atomic-files.js";
export { type ChartName, charts } from "./chart-picture.js";
export { escapeLatex } from "./latex-table.js";
export { latexTable, renderChart, renderReport, reportCsv } from "./render-report.js";
export type { GateDetail, RunDetails } from "./report-model.js";
export { readRunDetails } from "./read-run-details.js";
export type { ReportOptions } from "./report-options.js";
export { type PublishOptions, type PublishedSite, type SiteSource, publishSite } from "./publish-site.js";
export { PICTURE_FONT, pngOf, svgOf } from "./svg.js";
