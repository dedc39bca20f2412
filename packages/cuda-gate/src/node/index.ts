export { type CollectReportOptions, type DriverChoice, collectReport } from "./collect-report.js";
export { type GatheredResidency, type ResidencyOptions, gatherResidencyEvidence } from "./gather-residency-evidence.js";
