export type {
  Awaitable,
  ComputePrecision,
  DeviceMemory,
  EngineKind,
  Gradients,
  HostBackend,
  LossScaleState,
  LossScaling,
  OptimizerState,
  PointerPrecision,
  PointerTelemetry,
  RingBackend,
  RingBatch,
  RingConfig,
  RingHistory,
  StateLoopTelemetry,
  StepOutcome,
  StepRequest,
  StepTrace,
} from "./backend.js";
export type { CpuInstructionSet } from "./cpu-backend.js";
export {
  type Engine,
  type EngineChoice,
  type EngineOptions,
  type PrepareOptions,
  type Support,
  createEngine,
  engineSupports,
} from "./engine.js";
export type { EngineDevice } from "./engine-device.js";
export { RingEngineError, type RingEngineErrorCode, isRingEngineError } from "./errors.js";
export { type FlopCount, type FlopParts, countFlops } from "./flops.js";
export type { GoldenIssue, GoldenIssueCode } from "./golden-issue.js";
export {
  type GoldenRead,
  type GoldenStep,
  type GoldenTensors,
  type GoldenTrace,
  type RingGolden,
  readGolden,
} from "./golden.js";
export { RING_MODEL_VERSION, type RunIdentity, runIdentity } from "./identity.js";
export { initialParameters } from "./initial-parameters.js";
export type { GoldenErrors } from "./internal/compare-golden-step.js";
export type { TelemetryComparison } from "./internal/compare-telemetry.js";
export type { MemoryParts } from "./memory-parts.js";
export { type MemoryOptions, type MemoryPrediction, predictMemory, predictionError } from "./memory.js";
export { type AddonLoad, loadAddon } from "./native-addon.js";
export {
  DEFAULT_RING_OPTIONS,
  SIZE_OPTIONS,
  type RingOptionIssue,
  type RingOptionIssueCode,
  type RingOptions,
  type RingOptionsRead,
  requireRingOptions,
  resolveRingOptions,
} from "./options.js";
export { type ParameterSlot, parameterLayout } from "./parameters.js";
export { RANDOM_GENERATOR, type RandomPurpose, type RandomStream, randomStream } from "./random.js";
export { type GoldenEngine, type GoldenReplay, replayGolden } from "./replay-golden.js";
export { ringBatch, stateLoopProjection } from "./ring-batch.js";
export { ringConfig } from "./ring-config.js";
export type { Evaluation, RingStepSample, Session, SessionMemory } from "./session.js";
