export { type CommandOptions, commandWorkload } from "./command/command-workload.js";
export { type SamplesWriter, openSamples } from "./command/samples-writer.js";
export { HarnessError, type HarnessErrorCode, isHarnessError } from "./errors.js";
export { type PlannedProbe, type ProbeOptions, type ProbeResult, planProbe, probe } from "./probe.js";
export type { ProbeProgress } from "./probe-progress.js";
export { ringProcess } from "./ring/ring-process.js";
export { type RingWorkloadOptions, ringWorkload } from "./ring/ring-workload.js";
export type { StopReason } from "./stop-reason.js";
export {
  type StepReport,
  type Workload,
  type WorkloadDescription,
  type WorkloadFacts,
  type WorkloadRequest,
  type WorkloadSession,
  cpuDevice,
  defineWorkload,
  deviceNamed,
} from "./workload.js";
