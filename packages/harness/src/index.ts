export { type BatchLimits, fileLimits, limitKey, memoryLimits } from "./batch/batch-limits.js";
export type { BatchObservation, BatchProbe, BatchProbeStatus } from "./batch/batch-observation.js";
export { type BatchProbeOptions, type MemoryShare, batchProbe } from "./batch/batch-probe.js";
export {
  BATCH_TARGETS_SCHEMA,
  type BatchTarget,
  type BatchTargetFacts,
  type BatchTargets,
  type BatchTargetsRead,
  batchTarget,
  batchTargetsText,
  readBatchTargets,
} from "./batch/batch-targets.js";
export {
  CAPACITY_MODEL_SCHEMA,
  type CapacityCombo,
  type CapacityModel,
  type FitPoint,
} from "./batch/capacity-model.js";
export { comboKey, comboSpec } from "./batch/combo-key.js";
export {
  type BatchEstimate,
  type EstimateFor,
  capacityShare,
  estimateBatch,
  estimateBatchBySizes,
} from "./batch/estimate-batch.js";
export { type CapacityFit, type CapacityRun, type FitOptions, fitCapacityModel } from "./batch/fit-capacity-model.js";
export { predictVram, vramShare } from "./batch/predict-vram.js";
export { type CapacityModelRead, capacityModelText, readCapacityModel } from "./batch/read-capacity-model.js";
export { type CapacityRuns, readCapacityRuns } from "./batch/read-capacity-runs.js";
export {
  type BatchSearch,
  type BatchSearchStatus,
  type ProbeAt,
  type SearchBatchOptions,
  searchBatch,
} from "./batch/search-batch.js";
export { sectionPresets } from "./batch/section-presets.js";
export { supportedBatch } from "./batch/supported-batch.js";
export { budgetShare, deviceShare } from "./batch/workload-share.js";
export type { DocumentIssue } from "./document-fields.js";
export { type CommandOptions, commandWorkload } from "./command/command-workload.js";
export { type SamplesWriter, openSamples } from "./command/samples-writer.js";
export { HarnessError, type HarnessErrorCode, isHarnessError } from "./errors.js";
export { type PlannedProbe, type ProbeOptions, type ProbeResult, planProbe, probe } from "./probe.js";
export type { ProbeProgress } from "./probe-progress.js";
export type { ExecutorContext, TrialEvent, TrialExecutor, TrialLimits } from "./executors/executor.js";
export { type SlurmSurroundings, slurmExecutor } from "./executors/slurm/slurm-executor.js";
export {
  type CheckedSlurmOptions,
  type OptionProblem,
  type SlurmOptions,
  parseSlurmOptions,
  readSlurmOptions,
} from "./executors/slurm/slurm-options.js";
export { type Shard, slurmShard } from "./executors/slurm/slurm-shard.js";
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
export type { AssocTask } from "./capability/assoc-task.js";
export { type AssocData, type AssocSample, assocData, assocSample } from "./capability/assoc-data.js";
export {
  type CapabilityOptions,
  type CapabilityOutcome,
  type CapabilityProgress,
  runCapability,
} from "./capability/run-capability.js";
export { type LocalExecutorOptions, localExecutor } from "./executors/local/local-executor.js";
export { type AttemptRun, type AttemptRunner, type Attempted, runAttempt } from "./executors/run-attempt.js";
export { spawnTrial } from "./executors/spawn-trial.js";
export {
  type HostLoad,
  type IdleRule,
  type TrialPause,
  type WaitOptions,
  type Waited,
  waitForIdle,
} from "./executors/wait-for-idle.js";
export { type StoreOptions, openStore } from "./store/open-store.js";
export type { Attempt, Begun, Outcome, Published, TrialState, TrialStore } from "./store/trial-store.js";
export { type KnownTrial, type RunSweepOptions, type SweepShard, runSweep, shardOf } from "./sweep/run-sweep.js";
export { type RunTrialOptions, type TrialOutcome, runTrial } from "./trial/run-trial.js";
export { trialDigest, trialOf } from "./trial/trial-digest.js";
export type { CapabilityPlan, ProbePlan, ProgramRunner, RingRunner, Runner, Trial, TrialPlan } from "./trial/trial.js";
export type { PublishedStatus, TrialResult, TrialStatus } from "./trial/trial-result.js";
export {
  type Configuration,
  type ExpandOptions,
  MAX_CONFIGURATIONS,
  expandSweep,
  trialsOf,
} from "./sweep/expand-sweep.js";
export type { PlannedEngine } from "./sweep/plan-parts.js";
export { type PlannedConfiguration, type PlannedTrial, type SweepPlan, planSweep } from "./sweep/plan-sweep.js";
export { type SweepIssue, type SweepRead, defineSweep, readSweep } from "./sweep/read-sweep.js";
export type {
  AxisBlock,
  KnobValue,
  Knobs,
  ProgramChoice,
  RingRunnerChoice,
  SweepDocument,
} from "./sweep/sweep-document.js";
export { sweepMetrics } from "./sweep/sweep-metrics.js";
export { type ConfigurationRow, type SweepResults, type TrialRow, sweepResults } from "./sweep/sweep-results.js";
export { type SweepReport, writeSweepReport } from "./sweep/write-sweep-report.js";
export { type CalibrateOptions, calibrate } from "./compare/calibrate.js";
export {
  type CompareOptions,
  type Comparison,
  type ComparisonStatus,
  MIN_COMPARED_STEPS,
  compareRuns,
} from "./compare/compare-runs.js";
export type { HostFacts } from "./compare/host-facts.js";
export {
  type FloorSubject,
  MIN_FLOOR_RUNS,
  type NoiseFloor,
  floorKey,
  noiseFloorOf,
  readNoiseFloor,
} from "./compare/noise-floor.js";
export { type SlurmNode, slurmNodes } from "./executors/slurm/slurm-nodes.js";
export {
  type HostFigure,
  type HostStanding,
  type HostSurvey,
  type JudgedHost,
  MIN_SURVEYED_HOSTS,
  type OutlierOptions,
  hostOutliers,
} from "./hosts/host-outliers.js";
export { type NodePreflight, preflightNode } from "./hosts/node-preflight.js";
export {
  type HostResult,
  type SurveyOptions,
  type SurveyReport,
  type SurveyedHost,
  type SurveyedPlace,
  surveyHosts,
  surveyReport,
} from "./hosts/survey-hosts.js";
export { type BaselineStoreOptions, type GpuBaseline, readGpuBaseline, storeGpuBaseline } from "./gpu/gpu-baseline.js";
export { type GpuWatch, withGpuWatch } from "./gpu/with-gpu-watch.js";
