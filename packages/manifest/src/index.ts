export { ManifestError, type ManifestErrorCode, isManifestError } from "./errors.js";
export { formatIssues } from "./format-issues.js";
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
export {
  type ReadManifestOptions,
  checkManifest,
  defineManifest,
  parseManifest,
  readManifest,
} from "./read-manifest.js";
export type { Benchmark, BenchmarkConfig, BenchmarkInput } from "./schema/benchmarks.js";
export type {
  CustomComponent,
  Data,
  DataConfig,
  Metric,
  Objective,
  ObjectiveConfig,
  System,
  SystemConfig,
  Task,
  TokenPreparation,
  Trainer,
  TrainerConfig,
  Transform,
} from "./schema/components.js";
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
