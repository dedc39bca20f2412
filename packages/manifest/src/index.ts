export { type Blocker, type BlockerCode } from "./blocker.js";
export { checkRunnable } from "./check-runnable.js";
export { ManifestError, type ManifestErrorCode, isManifestError } from "./errors.js";
export { type RunEstimate, effectiveBatch, estimateRun } from "./estimate-run.js";
export {
  type BackendCapabilities,
  type CustomPlace,
  type HonouredValues,
  type HostBackend,
  type HostFacts,
} from "./host-facts.js";
export { formatIssues } from "./format-issues.js";
export { type FormatPlanOptions, formatPlan } from "./format-plan.js";
export { type GraphNodeShapes, type GraphShapes, inferGraphShapes } from "./infer-graph-shapes.js";
export { type ModelShapes, type NodeShapes, inferShapes } from "./infer-shapes.js";
export { manifestJsonSchema } from "./json-schema.js";
export type { Issue, IssueCode, Read } from "./issue.js";
export {
  type LoweredExperimentTarget,
  type LoweredManifest,
  type LoweredRun,
  type LoweredTarget,
  lowerGraph,
  lowerManifest,
  lowerModel,
} from "./lower-manifest.js";
export { manifestDigest } from "./manifest-digest.js";
export { type FieldUse, fieldsOf, fieldsOfDefaults, manifestObjects } from "./manifest-fields.js";
export { type Overrides, overrideManifest } from "./override-manifest.js";
export {
  type Plan,
  type PlannedBenchmark,
  type PlannedExperiment,
  type PlannedGraphNode,
  type PlannedNode,
  type PlannedProcess,
  type PlannedRun,
  type PlannedSystem,
  planManifest,
} from "./plan-manifest.js";
export {
  type ReadManifestOptions,
  checkManifest,
  defineManifest,
  parseManifest,
  readManifest,
} from "./read-manifest.js";
export { type ResolvedTarget, resolveTarget } from "./resolve-target.js";
export type { Benchmark, BenchmarkConfig, BenchmarkInput } from "./schema/benchmarks.js";
export type { CustomComponent } from "./schema/component.js";
export type { Data, DataConfig } from "./schema/data.js";
export type { Metric } from "./schema/metrics.js";
export type { Objective, ObjectiveConfig } from "./schema/objectives.js";
export type { TokenPreparation } from "./schema/preparations.js";
export type { System, SystemConfig } from "./schema/systems.js";
export type { Task } from "./schema/tasks.js";
export type { Trainer, TrainerConfig } from "./schema/trainers.js";
export type { Transform } from "./schema/transforms.js";
export type {
  GraphLayerNode,
  GraphNode,
  GraphNodeInput,
  GraphOpNode,
  GraphSymbolNode,
  GraphTopology,
  GraphTopologyInput,
  OpName,
} from "./schema/graph.js";
export type {
  AttentionLayer,
  Conv2dLayer,
  DenseLayer,
  DropoutLayer,
  GLULayer,
  GraphConvLayer,
  Layer,
  LayerInput,
  LayerNormLayer,
  LayerType,
  LinearLayer,
  LoRALinearLayer,
  MoELayer,
  RMSNormLayer,
  RNNLayer,
  RopeScaling,
  SSMLayer,
  SwiGLULayer,
} from "./schema/layers.js";
export type {
  Defaults,
  ExpectedRange,
  ExperimentTarget,
  Manifest,
  ManifestInput,
  ProcessTarget,
  Run,
  Target,
} from "./schema/manifest.js";
export type { DiffusionHead, Embedder, Model, ModelInput, PatchEmbedder, TokenEmbedder } from "./schema/model.js";
export type { Process, ProcessInput } from "./schema/processes.js";
export type {
  BranchingTopology,
  CyclicTopology,
  LayerNode,
  LayerNodeInput,
  NestedTopology,
  ParallelTopology,
  RecurrentTopology,
  ResidualTopology,
  SequentialTopology,
  StackedTopology,
  Topology,
  TopologyInput,
} from "./schema/topologies.js";
export type { Train, TrainInput } from "./schema/train.js";
export type { Verify, VerifyInput } from "./schema/verify.js";
export { type Dim, type Shape, formatShape, openShape, shape } from "./shape.js";
