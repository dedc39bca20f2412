import {
  type Infer,
  type InferInput,
  boolean,
  defaulted,
  exactly,
  naturalNumber,
  nonNegativeNumber,
  object,
  oneOf,
  optional,
  pairOf,
  positiveInteger,
  positiveNumber,
  probability,
  refined,
  required,
  wordOr,
} from "../internal/schema.js";
import { attentionComplaints } from "../internal/attention-geometry.js";

const dModel = required(positiveInteger, "Width of what goes in and comes out.");
const dIn = required(positiveInteger, "Width of what goes in.");
const dOut = required(positiveInteger, "Width of what comes out.");
const bias = defaulted(boolean(), true, "Whether a learned constant is added.");
const noBias = defaulted(boolean(), false, "Whether a learned constant is added.");
const dropout = defaulted(probability, 0, "Probability with which a value is zeroed while training.");
const eps = defaulted(positiveNumber, 1e-5, "Added to the variance, against division by zero.");

export const linearLayer = object("LinearLayer", {
  type: required(exactly("LinearLayer"), ""),
  d_in: dIn,
  d_out: dOut,
  bias,
});

export const loraLinearLayer = object("LoRALinearLayer", {
  type: required(exactly("LoRALinearLayer"), ""),
  d_in: dIn,
  d_out: dOut,
  r: defaulted(positiveInteger, 8, "Rank of the trained update.", ["rank"]),
  alpha: defaulted(positiveNumber, 16, "The update is scaled by alpha / r."),
  dropout,
  bias,
  freeze_base: defaulted(boolean(), true, "Whether only the update is trained."),
});

export const layerNormLayer = object("LayerNormLayer", {
  type: required(exactly("LayerNormLayer"), ""),
  d_model: dModel,
  eps,
});

export const rmsNormLayer = object("RMSNormLayer", {
  type: required(exactly("RMSNormLayer"), ""),
  d_model: dModel,
  eps,
  elementwise_affine: defaulted(boolean(), true, "Whether each channel has a learned scale."),
});

export const dropoutLayer = object("DropoutLayer", {
  type: required(exactly("DropoutLayer"), ""),
  p: defaulted(probability, 0, "Probability with which a value is zeroed while training."),
});

const dFf = required(positiveInteger, "Width inside.");

export const swigluLayer = object("SwiGLULayer", {
  type: required(exactly("SwiGLULayer"), ""),
  d_model: dModel,
  d_ff: dFf,
  bias,
});

export const gluLayer = object("GLULayer", {
  type: required(exactly("GLULayer"), ""),
  d_model: dModel,
  d_ff: dFf,
  activation: defaulted(
    oneOf(["silu", "gelu", "relu", "sigmoid"], { swiglu: "silu", geglu: "gelu", reglu: "relu", glu: "sigmoid" }),
    "silu",
    "What the gate goes through.",
  ),
  bias,
});

export const denseLayer = object("DenseLayer", {
  type: required(exactly("DenseLayer"), ""),
  d_in: dIn,
  d_out: dOut,
  bias,
  activation: optional(
    oneOf(["relu", "gelu", "silu", "tanh", "sigmoid"], {
      ReLU: "relu",
      GELU: "gelu",
      SiLU: "silu",
      Tanh: "tanh",
      Sigmoid: "sigmoid",
    }),
    "Applied after the normalisation.",
  ),
  normalization: optional(oneOf(["layer_norm", "rms_norm"]), "Applied after the linear map."),
  dropout,
});

export const moeLayer = refined(
  object("MoELayer", {
    type: required(exactly("MoELayer"), ""),
    d_model: dModel,
    num_experts: defaulted(positiveInteger, 8, "How many feed-forward networks there are."),
    top_k: defaulted(positiveInteger, 2, "How many of them each token goes through."),
    d_ff: dFf,
    bias: defaulted(boolean(), true, "Whether the router adds a learned constant; experts have none."),
    load_balancing_weight: defaulted(nonNegativeNumber, 0.01, "Weight of the balance loss in the objective."),
  }),
  ({ top_k, num_experts }, report) => {
    if (top_k > num_experts)
      report({
        code: "does_not_fit",
        path: ["top_k"],
        expected: `at most num_experts, which is ${num_experts}`,
        found: String(top_k),
      });
  },
);

export const ssmLayer = refined(
  object("SSMLayer", {
    type: required(exactly("SSMLayer"), ""),
    d_model: dModel,
    d_state: defaulted(positiveInteger, 16, "Values of state per inner channel."),
    d_conv: defaulted(positiveInteger, 4, "Steps that the causal convolution sees."),
    expand: defaulted(positiveInteger, 2, "Inner channels per outer channel."),
    dt_rank: defaulted(
      wordOr(["auto"], positiveInteger),
      "auto",
      "Rank of the step sizes; auto: d_model / 16, rounded up.",
    ),
    dt_min: defaulted(positiveNumber, 1e-3, "Smallest step size at the start."),
    dt_max: defaulted(positiveNumber, 0.1, "Largest step size at the start."),
    dt_init: defaulted(oneOf(["random", "constant"]), "random", "How the weights of the step sizes start."),
    dt_scale: defaulted(positiveNumber, 1, "Scales those weights."),
    dt_init_floor: defaulted(positiveNumber, 1e-4, "No step size starts below."),
    bias: noBias,
    conv_bias: defaulted(boolean(), true, "Whether the convolution adds a learned constant."),
  }),
  ({ dt_min, dt_max }, report) => {
    if (dt_min > dt_max)
      report({
        code: "does_not_fit",
        path: ["dt_min"],
        expected: `at most dt_max, which is ${dt_max}`,
        found: `${dt_min}`,
      });
  },
);

export const conv2dLayer = refined(
  object("Conv2dLayer", {
    type: required(exactly("Conv2dLayer"), ""),
    in_channels: required(positiveInteger, "Channels of what goes in."),
    out_channels: required(positiveInteger, "Channels of what comes out."),
    kernel_size: required(pairOf(positiveInteger), "Height and width of the window."),
    stride: defaulted(pairOf(positiveInteger), [1, 1], "Steps of the window."),
    padding: defaulted(
      wordOr(["same", "valid"], pairOf(naturalNumber)),
      [0, 0],
      "Rows and columns added on each side, or same or valid.",
    ),
    dilation: defaulted(pairOf(positiveInteger), [1, 1], "Distance between the values of a window."),
    groups: defaulted(positiveInteger, 1, "Channels are split into this many groups, each on its own."),
    bias,
    padding_mode: defaulted(
      oneOf(["zeros", "reflect", "replicate", "circular"]),
      "zeros",
      "What is added at the edges.",
    ),
  }),
  ({ in_channels, out_channels, groups, padding, stride }, report) => {
    for (const [key, channels] of [
      ["in_channels", in_channels],
      ["out_channels", out_channels],
    ] as const)
      if (channels % groups !== 0)
        report({
          code: "does_not_fit",
          path: [key],
          expected: `a multiple of groups, which is ${groups}`,
          found: `${channels}`,
        });
    if (padding === "same" && (stride[0] !== 1 || stride[1] !== 1))
      report({
        code: "does_not_fit",
        path: ["padding"],
        expected: "numbers where the stride is not 1",
        found: '"same"',
      });
  },
);

export const rnnLayer = refined(
  object("RNNLayer", {
    type: required(exactly("RNNLayer"), ""),
    cell_type: defaulted(oneOf(["lstm", "gru", "rnn_tanh", "rnn_relu"]), "lstm", "The kind of cell."),
    input_size: required(positiveInteger, "Width of what goes in."),
    hidden_size: required(positiveInteger, "Width of the state."),
    num_layers: defaulted(positiveInteger, 1, "Cells on top of each other."),
    bias,
    batch_first: defaulted(boolean(), true, "Whether the batch comes before the time."),
    dropout: defaulted(probability, 0, "Between the cells; with one cell there is no place for it."),
    bidirectional: defaulted(boolean(), false, "Whether a second row of cells reads backwards."),
    proj_size: defaulted(naturalNumber, 0, "Width to which an LSTM's output is projected; 0: not at all."),
  }),
  ({ cell_type, proj_size, hidden_size, num_layers, dropout: p }, report) => {
    if (proj_size > 0 && cell_type !== "lstm")
      report({
        code: "does_not_fit",
        path: ["proj_size"],
        expected: `0 where cell_type is ${cell_type}`,
        found: `${proj_size}`,
      });
    if (proj_size >= hidden_size)
      report({
        code: "does_not_fit",
        path: ["proj_size"],
        expected: `less than hidden_size, which is ${hidden_size}`,
        found: `${proj_size}`,
      });
    if (p > 0 && num_layers === 1)
      report({ code: "does_not_fit", path: ["dropout"], expected: "0 where num_layers is 1", found: `${p}` });
  },
);

export const graphConvLayer = refined(
  object("GraphConvLayer", {
    type: required(exactly("GraphConvLayer"), ""),
    kind: defaulted(oneOf(["gcn", "gat"]), "gcn", "Sum over neighbours, or attention over them."),
    in_features: required(positiveInteger, "Width of what goes in."),
    out_features: required(positiveInteger, "Width of what comes out."),
    bias,
    heads: defaulted(positiveInteger, 1, "Heads of attention (gat)."),
    concat: defaulted(boolean(), true, "Whether heads are concatenated; otherwise their mean is taken (gat)."),
    negative_slope: defaulted(nonNegativeNumber, 0.2, "Slope of the leaky ReLU below 0 (gat)."),
    dropout,
  }),
  ({ kind, out_features, heads, concat }, report) => {
    if (kind === "gcn" && heads !== 1)
      report({ code: "does_not_fit", path: ["heads"], expected: "1 where kind is gcn", found: `${heads}` });
    if (kind === "gat" && concat && out_features % heads !== 0)
      report({
        code: "does_not_fit",
        path: ["out_features"],
        expected: `a multiple of heads, which is ${heads}`,
        found: `${out_features}`,
      });
  },
);

export const ropeScaling = object("RopeScaling", {
  rope_type: defaulted(oneOf(["llama3"]), "llama3", "How the frequencies are stretched."),
  factor: defaulted(positiveNumber, 8, "Long wavelengths are stretched by this."),
  low_freq_factor: defaulted(positiveNumber, 1, "Wavelengths above original / low are long."),
  high_freq_factor: defaulted(positiveNumber, 4, "Wavelengths below original / high are left as they are."),
  original_max_position_embeddings: defaulted(positiveInteger, 8192, "Length that the model was first trained for."),
});

export const attentionLayer = refined(
  object("AttentionLayer", {
    type: required(exactly("AttentionLayer"), ""),
    d_model: dModel,
    n_heads: required(positiveInteger, "Heads of the queries."),
    n_kv_heads: optional(
      positiveInteger,
      "Heads of keys and values; n_heads when missing. Decoupled attention has a key for each head: there it is the teacher's.",
    ),
    mode: defaulted(
      oneOf(["standard", "gqa", "decoupled"]),
      "standard",
      "standard and gqa: one key per position; decoupled: a semantic and a geometric one.",
    ),
    attn_dim: optional(positiveInteger, "Width of all heads together; d_model when missing."),
    sem_dim: optional(positiveInteger, "Width of all semantic keys together (decoupled)."),
    geo_dim: optional(positiveInteger, "Width of all geometric keys together (decoupled)."),
    rope_enabled: defaulted(boolean(), true, "Whether queries and keys are rotated by their position."),
    rope_base: defaulted(positiveNumber, 10_000, "Base of the rotations' frequencies."),
    rope_scaling: optional(ropeScaling, "Stretches the frequencies for longer texts."),
    decoupled_gate: defaulted(boolean(), false, "Whether each head weighs its two paths (decoupled)."),
    decoupled_gate_dynamic: defaulted(boolean(), false, "Whether the weight also depends on the token (decoupled)."),
    rope_semantic: defaulted(boolean(), false, "Whether semantic keys are rotated too (decoupled)."),
    tie_qk: defaulted(boolean(), false, "Whether semantic keys are the semantic queries (decoupled)."),
    null_attn: defaulted(boolean(), false, "Whether each head has a learned key that is always visible (decoupled)."),
    is_causal: defaulted(boolean(), true, "Whether a position sees only itself and what came before."),
    dropout_p: defaulted(probability, 0, "Probability with which a weight of attention is zeroed while training."),
    bias: noBias,
    learned_temp: defaulted(boolean(), false, "Whether each head has a learned temperature."),
    q_chunk: optional(positiveInteger, "Queries at a time: less memory, the same result."),
    local_window: optional(positiveInteger, "Positions that each position sees, itself included."),
    mem_block: optional(positiveInteger, "What is before the window is pooled in blocks of this many."),
    mem_summarize: defaulted(oneOf(["mean", "linear", "conv"]), "mean", "How it is pooled."),
    mem_activation_threshold: optional(positiveInteger, "Pooling starts at this length."),
  }),
  (layer, report) => attentionComplaints(layer).forEach(report),
);

/** Every layer by its type. */
export const layerSchemas = {
  LinearLayer: linearLayer,
  LoRALinearLayer: loraLinearLayer,
  LayerNormLayer: layerNormLayer,
  RMSNormLayer: rmsNormLayer,
  DropoutLayer: dropoutLayer,
  SwiGLULayer: swigluLayer,
  GLULayer: gluLayer,
  DenseLayer: denseLayer,
  MoELayer: moeLayer,
  SSMLayer: ssmLayer,
  Conv2dLayer: conv2dLayer,
  RNNLayer: rnnLayer,
  GraphConvLayer: graphConvLayer,
  AttentionLayer: attentionLayer,
} as const;

/** Short names of layers, as in older manifests. */
export const layerAliases: Readonly<Record<string, string>> = {
  layer_norm: "LayerNormLayer",
  rms_norm: "RMSNormLayer",
  linear: "LinearLayer",
  dropout: "DropoutLayer",
  attention: "AttentionLayer",
  swiglu: "SwiGLULayer",
};

export type LinearLayer = Infer<typeof linearLayer>;
export type LoRALinearLayer = Infer<typeof loraLinearLayer>;
export type LayerNormLayer = Infer<typeof layerNormLayer>;
export type RMSNormLayer = Infer<typeof rmsNormLayer>;
export type DropoutLayer = Infer<typeof dropoutLayer>;
export type SwiGLULayer = Infer<typeof swigluLayer>;
export type GLULayer = Infer<typeof gluLayer>;
export type DenseLayer = Infer<typeof denseLayer>;
export type MoELayer = Infer<typeof moeLayer>;
export type SSMLayer = Infer<typeof ssmLayer>;
export type Conv2dLayer = Infer<typeof conv2dLayer>;
export type RNNLayer = Infer<typeof rnnLayer>;
export type GraphConvLayer = Infer<typeof graphConvLayer>;
export type RopeScaling = Infer<typeof ropeScaling>;
export type AttentionLayer = Infer<typeof attentionLayer>;

/** A layer with all its fields; told apart by `type`. */
export type Layer = Infer<(typeof layerSchemas)[keyof typeof layerSchemas]>;
/** A layer as a program may write it. */
export type LayerInput = InferInput<(typeof layerSchemas)[keyof typeof layerSchemas]>;
export type LayerType = Layer["type"];
