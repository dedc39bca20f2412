export type { AssocTaskSettings, CapabilityLevels, CapabilityReport } from "./capability-report.js";
