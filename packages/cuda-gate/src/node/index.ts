export { type CollectReportOptions, type DriverChoice, collectReport } from "./collect-report.js";
export { type GatheredResidency, type ResidencyOptions, gatherResidencyEvidence } from "./gather-residency-evidence.js";
export { type ProveResidencyOptions, proveResidency } from "./prove-residency.js";
