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
export { type StoreOptions, openStore } from "./store/open-store.js";
export type { Attempt, Begun, Outcome, TrialState, TrialStore } from "./store/trial-store.js";
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
