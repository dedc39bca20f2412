export {
  type Contract,
  type VramGuardRange,
  OBJECTIVE_PAGE,
  OBJECTIVE_V1,
  WORKLOAD_PAGE,
  contractReference,
  defineContract,
} from "./contract.js";
export { type EnvFacts, ENV_SCHEMA_VERSION } from "./env-facts.js";
export { type ReportedEnv, withExecuted } from "./executed-env.js";
export { ObjectiveContractError, type ObjectiveContractErrorCode, isObjectiveContractError } from "./errors.js";
export { type Evidence, evidenceLevel } from "./evidence-level.js";
export { type Gate, type GateOutcome, type GateResult, type NamedGateResult, defineGate, gateResult } from "./gate.js";
export { EXPLOSION_FACTOR, MIN_STEPS_FOR_EXPLOSION } from "./gates.js";
export { DEFAULT_SET_UP_LIMIT_S, type HeartbeatPolicy, contractHeartbeat, heartbeatThreshold } from "./heartbeat.js";
export {
  type ThrottledStep,
  INVALIDATING_THROTTLE_REASONS,
  MIN_CAPPED_CLOCK_SHARE,
  POWER_CAP_REASON,
  cappedSteps,
  throttledSteps,
} from "./gpu-throttling.js";
export { type JsonObject, type JsonValue, canonicalJson, isJson, isJsonObject, prettyJson } from "./json.js";
export {
  type InconclusiveReasonCode,
  type InvalidReasonCode,
  type Verdict,
  type VerdictReason,
  type VerdictStatus,
  judge,
} from "./judge.js";
export { type RunMetrics, computeMetrics, saysOutOfMemory } from "./metrics.js";

export { runDevice } from "./run-device.js";
export {
  type ContractReference,
  RUN_SCHEMA_VERSION,
  type RunDevice,
  type RunHeader,
  type StepTimeMode,
} from "./run-header.js";
export {
  type ExecutedPrecision,
  type GpuConditions,
  type RunException,
  type RunOutcome,
  type RunStatus,
  type StallFacts,
  runOutcome,
} from "./run-outcome.js";
export { type RunRecord } from "./run-record.js";
export { type RunWorkload } from "./run-workload.js";
export { type Phase, type StepSample, measuredSamples } from "./step-sample.js";
export { type StepStats, stepStats } from "./step-stats.js";
export type { Precision } from "@vrx/workload-schema";
export { precisions } from "./precision.js";
export { type ReadEnv, envDocument, readEnv } from "./env-document.js";
export { type EvidenceDigests, metricsDocument } from "./metrics-document.js";
export { metricsCsv, readMetricsCsv } from "./metrics-csv.js";
export { type ReadOutcome, outcomeDocument, readOutcome } from "./outcome-document.js";
export { type ReadHeader, readRunCommand, runCommandDocument } from "./run-command.js";
export {
  MAX_SAMPLE_LINE_BYTES,
  type SampleLine,
  checkSample,
  formatSampleLine,
  readSampleLine,
} from "./sample-line.js";
export { summaryMarkdown } from "./summary.js";
export type { FieldIssue } from "./internal/fields.js";
export { REDACTED, recordedEnvVars, redactArgv, redactEnv, redactText } from "./redact.js";
export { type ArtifactName, type RunIssue, type RunIssueCode } from "./run-issue.js";
export { type DirectoryVerdict } from "./unusable-verdict.js";
export {
  type DsseEnvelope,
  type OpenedEnvelope,
  type ReadEnvelope,
  dsseEnvelope,
  dssePreAuthEncoding,
  readDsseEnvelope,
} from "./seal/dsse.js";
export {
  type ReadStatement,
  SEAL_PREDICATE_TYPE,
  STATEMENT_PAYLOAD_TYPE,
  STATEMENT_TYPE,
  type SealStatement,
  readSealStatement,
  sealStatement,
} from "./seal/seal-statement.js";
