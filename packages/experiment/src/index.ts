export { type BenchmarkOutcome, type BenchmarkResults, runBenchmarks } from "./benchmark/run-benchmarks.js";
export type { LatencyRow, MemoryRow, PerplexityRow } from "./benchmark/benchmarks.js";
export type { Batch, DataFile, Dataset, LossReference } from "./data/dataset.js";
export { type HostArray, readNpy, writeNpy } from "./data/npy.js";
export { type OpenDatasetOptions, type Recipes, openDataset } from "./data/open-dataset.js";
export { type Safetensors, readSafetensors, writeSafetensors } from "./data/safetensors.js";
export { bpeTokenizer, trainBpe } from "./data/tokenizers/bpe-tokenizer.js";
export { readTiktoken } from "./data/tokenizers/read-tiktoken.js";
export { readTokenizerJson } from "./data/tokenizers/read-tokenizer-json.js";
export { type Tokenizer, byteTokenizer } from "./data/tokenizers/tokenizer.js";
export type { Computation, Engine, EngineTensor, Executable, TensorData, Tensors } from "./engine/engine.js";
export { openJaxEngine } from "./engine/jax-engine.js";
export { ExperimentError, type ExperimentErrorCode, isExperimentError } from "./errors.js";
export { Decoder, type DecoderOptions } from "./generate/decoder.js";
export { type Sampling, greatest, sampleToken } from "./generate/sample-token.js";
export { ForwardPass } from "./layers/forward-pass.js";
export { type Initial, type ParameterSpec, initialValues } from "./layers/initial.js";
export { mergeLora } from "./layers/merge-lora.js";
export type { ExperimentRecord } from "./run/experiment-record.js";
export type { ExpectationResult } from "./run/expectations.js";
export { type Difference, type Reproduction, reproduce } from "./run/reproduce.js";
export { runTarget } from "./run/run-target.js";
export type { RunTargetOptions, TargetEvent } from "./run/target-context.js";
export type { RunReport, TargetReport } from "./run/target-report.js";
export { type WrittenPaper, writePaper } from "./paper/write-paper.js";
export { type EndpointOptions, endpointWriter } from "./paper/endpoint-writer.js";
export type { Fact, PaperFacts, Statement } from "./paper/gather-facts.js";
export { type PaperProse, type PaperWriter, type WriterRequest, offlineWriter } from "./paper/writer.js";
export { sampleDiffusion } from "./generate/sample-diffusion.js";
export { type BatchSpec, type SystemSpec, buildContinuation, buildForward, buildLoss } from "./system/build-system.js";
export { type HostTensor, type StateDict, Weights } from "./system/weights.js";
export { Graph, type Operand, type Value } from "./tensor/graph.js";
export type { DType, Operation, Program, ProgramNode, Shape } from "./tensor/program.js";
export { type Checkpoint, type StopReason, readCheckpoint, readWeights, writeCheckpoint } from "./train/checkpoint.js";
export {
  type RunTrainingOptions,
  type TrainingEvent,
  type TrainingResult,
  runTraining,
} from "./train/run-training.js";
export { learningRateFactor } from "./train/schedule.js";
export { type Figures, TrainingSession } from "./train/training-session.js";
export { ModelRunner } from "./verify/model-runner.js";
export { type Check, type Verification, verifyRun } from "./verify/verify-run.js";
