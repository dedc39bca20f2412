import type { BackendCapabilities } from "@vrx/manifest";

export { tokenizerPaths } from "./data/tokenizers/tokenizer-paths.js";

const model = ["MoELayer", "SSMLayer", "Conv2dLayer", "RNNLayer", "GraphConvLayer", "RopeScaling"].concat(
  ["Linear", "LoRALinear", "LayerNorm", "RMSNorm", "Dropout", "SwiGLU", "GLU", "Dense"].map((name) => `${name}Layer`),
  ["Stacked", "Nested", "Sequential", "Cyclic", "Residual", "Parallel", "Branching", "Recurrent", "Graph"].map(
    (name) => `${name}Topology`,
  ),
  ["none embedder", "token embedder", "patch embedder", "GraphNode"],
);

const operations = [
  ...["Linear", "Conv2d", "ReLU", "GELU", "SiLU", "Tanh", "Sigmoid", "Softmax", "LogSoftmax", "Dropout", "LayerNorm"],
  ...["RMSNorm", "BatchNorm1d", "BatchNorm2d", "Flatten", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "Embedding"],
  ...["Identity", "Concat", "Add", "Mul", "MatMul", "Reshape", "Transpose", "Mean"],
];

const components = [
  ...["tokens", "npy_supervised", "graph_npy", "diffusion_vector", "random_tokens", "tensors"].map(
    (name) => `dataset.${name}`,
  ),
  ...["language_model", "generic", "graph", "mlp_classifier", "gcn", "diffusion_denoiser"].map(
    (name) => `system.${name}`,
  ),
  ...["next_token_ce", "classification_ce", "mse"].map((name) => `objective.${name}`),
  ...["metric.perplexity", "metric.accuracy", "trainer.standard", "trainer.gradient_isolation"],
];

const preparations = [
  ...["prepare text", "prepare generate tokens", "prepare generate classes", "prepare generate graph"],
  ...["prepare generate mixture", "byte tokenizer", "bpe tokenizer", "hf-json tokenizer", "tiktoken tokenizer"],
  ...["rename_keys", "cast_dtype", "add_mask", "token_shift", "gaussian_noise", "graph_batch"],
];

const everything = (names: readonly string[]): BackendCapabilities["kinds"] =>
  Object.fromEntries(names.map((name) => [name, "all"]));

/**
 * What the embedded engine honours of a manifest: plain data for `checkRunnable`, in a module that loads nothing.
 * What is not here is said before anything runs; a key that were taken and ignored would be a defect.
 */
export const embeddedCapabilities: BackendCapabilities = {
  custom: { system: ["js"], objective: ["js"], op: ["js"] },
  kinds: {
    ...everything([...model, ...operations, ...components, ...preparations]),
    ...everything(components.map((name) => `${name} config`)),
    ...everything(["experiment target", "run", "expected range", "defaults", "defaults.data", "defaults.runtime"]),
    ...everything([
      "verify compare",
      "verify fidelity",
      "verify eval",
      "verify kvcache",
      "standard cache",
      "decoupled cache",
      "L1 thresholds",
      "eval case",
      "eval thresholds",
    ]),
    ...everything(["byte", "hf-json", "tiktoken", "llama", "gpt2", "benchmark", "benchmark perplexity"]),
    ...everything(["benchmark memory"]),
    // Files are always read.
    "dataset.npy_supervised config": { "*": "any", mmap: [false] },
    "dataset.tensors config": { "*": "any", mmap: [false] },
    "benchmark latency": { "*": "any", cache_kind: ["fp32"] },
    "defaults.logging": { "*": "any", instrument: ["rich", "plain"] },
    model: { "*": "any", target_params: [], diffusion_head: [], block_size: [] },
    AttentionLayer: { "*": "any", mem_block: [], mem_summarize: [], mem_activation_threshold: [] },
    train: {
      phase: ["standard"],
      // Which there are, the host says.
      device: "any",
      dtype: ["auto"],
      auto_batch_size: "any",
      auto_batch_ref_block_size: "any",
      auto_batch_min: "any",
      auto_resume: "any",
      skip_if_final: "any",
      teacher_ckpt: "any",
      convergence_target: "any",
      convergence_patience: "any",
      convergence_max_steps: "any",
      gradient_accumulation_steps: "any",
      optimizer: "any",
      weight_decay: "any",
      grad_clip_norm: "any",
      telemetry_interval: "any",
      scheduler: "any",
      warmup_steps: "any",
      min_lr_ratio: "any",
    },
  },
};
