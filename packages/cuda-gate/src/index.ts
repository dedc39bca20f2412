export { type GateVerdict } from "./verdict.js";
export {
  type Device,
  type DeviceRead,
  type DeviceSelector,
  type DeviceSpec,
  DEVICE_PATTERN,
  MAX_DEVICES,
  deviceTag,
  parseDevice,
  parseDeviceSelector,
} from "./device-spec.js";
export { type DeviceNames, type DeviceSource, type NamedDevice, DEVICE_SOURCES, namedDevice } from "./device-source.js";
export { type DeviceUnavailableReason, type Resolution, type ResolvedReport, resolveDevice } from "./resolve-device.js";
export {
  type ComputeApp,
  type ComputeAppsRead,
  type GpuMemorySample,
  type NamedComputeApp,
  parseComputeApps,
  readGpuMemorySamples,
  readNamedComputeApps,
} from "./compute-apps.js";
export {
  type MemoryProof,
  MIN_USED_MEMORY_MIB,
  MIN_UTILISED_SHARE,
  POLL_WINDOW_SECONDS,
  UTILISATION_WARM_UP_STEPS,
  computeAppProof,
  memoryDeltaProof,
  residencyVerdict,
  utilisationVerdict,
} from "./residency.js";
export {
  type Confidence,
  type ResidencyEvidence,
  type ResidencyMethod,
  type ResidencyProof,
  type ResidencyRecord,
  residencyProof,
  residencyRecord,
} from "./residency-evidence.js";
export { DISPATCH_CLASSES, dispatchVerdict } from "./dispatch.js";
export {
  type StepTime,
  type WindowMedian,
  MAX_STEP_MS,
  STEP_WINDOW,
  stepTimeVerdict,
  windowMedian,
} from "./step-time.js";
export {
  type RepeatedRun,
  type ReproducibilityStudy,
  MAX_SEED_LOSS_DELTA,
  STUDY_BOUNDS,
  lossDeltaVerdict,
  lossTrajectoryVerdict,
  reproducibilityStudy,
  studyVerdict,
} from "./reproducibility.js";
export {
  type VersionJsonCudaFields,
  REQUIRED_VERSION_JSON_KEYS,
  verdictFromVersionJsonFields,
  verdictFromVersionJsonKeys,
} from "./version-report.js";
export { type VersionJsonIssue, type VersionJsonRead, readVersionJson } from "./version-json.js";
export {
  type DeviceHealth,
  type EccHealth,
  type GpuReport,
  type PcieLink,
  type RemappedRows,
  type ReportProbe,
  type ReportedDevice,
  type UnavailableReason,
} from "./gpu-report.js";
export {
  type Cause,
  type CauseCode,
  type DiagnosedReport,
  type Diagnosis,
  type Expectation,
  type GpuState,
  EXPECTATIONS,
  GPU_STATES,
  diagnose,
} from "./diagnose.js";
export { type HostGate, type HostGateInput, type HostGateRow, gateHost } from "./gate-host.js";
export { type Preflight, type PreflightCode, type PreflightProblem, preflight } from "./preflight.js";
