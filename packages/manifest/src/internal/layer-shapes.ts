import type { AttentionLayer, Layer, RNNLayer, SSMLayer } from "../schema/layers.js";
import { type Dim, type Shape, dimAt, dimsAgree, elements, formatShape, withDim } from "../shape.js";
import type { Cost } from "./cost.js";

/** What a layer makes of what it gets, what is wrong with it, and what it costs. */
export interface LayerResult {
  /** What goes in, with the width that the layer wants where nobody knew it. */
  readonly in: Shape;
  readonly out: Shape;
  readonly problem: Problem | null;
  readonly cost: Cost;
}

/** A mismatch: at which field, what would be right, what is there, how to mend it. */
export interface Problem {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
  readonly hint: string;
}

/** Applies `layer` to a tensor of shape `input`. With a problem, it goes on as if the problem were mended. */
export function applyLayer(layer: Layer, input: Shape): LayerResult {
  switch (layer.type) {
    case "LinearLayer": {
      const { d_in, d_out, bias } = layer;
      return affine(input, "d_in", d_in, d_out, (n) => ({
        params: d_in * d_out + (bias ? d_out : 0),
        perToken: 2 * d_in * d_out,
        kept: n(d_out),
      }));
    }
    case "LoRALinearLayer": {
      const { d_in, d_out, r, bias, freeze_base } = layer;
      const base = d_in * d_out + (bias ? d_out : 0);
      const update = r * (d_in + d_out);
      return affine(input, "d_in", d_in, d_out, (n) => ({
        params: base + update,
        trainable: freeze_base ? update : base + update,
        perToken: 2 * (d_in * d_out + update),
        kept: n(d_out + r),
      }));
    }
    case "DenseLayer": {
      const { d_in, d_out, bias, normalization, activation } = layer;
      const norm = normalization === null ? 0 : normalization === "layer_norm" ? 2 * d_out : d_out;
      const stages = 1 + (normalization === null ? 0 : 1) + (activation === null ? 0 : 1);
      return affine(input, "d_in", d_in, d_out, (n) => ({
        params: d_in * d_out + (bias ? d_out : 0) + norm,
        perToken: 2 * d_in * d_out,
        kept: n(stages * d_out),
      }));
    }
    case "LayerNormLayer":
    case "RMSNormLayer": {
      const { d_model } = layer;
      const params = layer.type === "LayerNormLayer" ? 2 * d_model : layer.elementwise_affine ? d_model : 0;
      return affine(input, "d_model", d_model, d_model, (n) => ({ params, perToken: 0, kept: n(d_model) }));
    }
    case "DropoutLayer": {
      const kept = layer.p === 0 ? 0 : elements(input);
      return { in: input, out: input, problem: null, cost: { params: 0, trainable: 0, flops: 0, activations: kept } };
    }
    case "SwiGLULayer":
    case "GLULayer": {
      const { d_model, d_ff, bias } = layer;
      return affine(input, "d_model", d_model, d_model, (n) => ({
        params: 3 * d_model * d_ff + (bias ? 2 * d_ff + d_model : 0),
        perToken: 6 * d_model * d_ff,
        kept: n(3 * d_ff + d_model),
      }));
    }
    case "MoELayer": {
      const { d_model, d_ff, num_experts, top_k, bias } = layer;
      return affine(input, "d_model", d_model, d_model, (n) => ({
        params: d_model * num_experts + (bias ? num_experts : 0) + 3 * num_experts * d_model * d_ff,
        perToken: 2 * (d_model * num_experts + 3 * top_k * d_model * d_ff),
        kept: n(num_experts + top_k * (3 * d_ff + d_model)),
      }));
    }
    case "SSMLayer":
      return stateSpace(layer, input);
    case "AttentionLayer":
      return attention(layer, input);
    case "RNNLayer":
      return recurrent(layer, input);
    case "Conv2dLayer":
      return convolution(layer, input);
    case "GraphConvLayer":
      return graphConvolution(layer, input);
  }
}

/** The number of vectors of which `shape` consists. */
function vectors({ open, dims }: Shape): number | null {
  return elements({ open, dims: dims.slice(0, -1) });
}

const times = (count: number | null, each: number): number | null => (count === null ? null : count * each);

interface PerVector {
  readonly params: number;
  readonly trainable?: number;
  /** Operations per vector. */
  readonly perToken: number;
  readonly kept: number | null;
}

/** A layer that maps the last dimension from `from` to `to`. */
function affine(
  input: Shape,
  field: string,
  from: number,
  to: number,
  cost: (keep: (perToken: number) => number | null) => PerVector,
): LayerResult {
  const last = dimAt(input, -1);
  const problem =
    last !== undefined && dimsAgree(last, from)
      ? null
      : {
          field,
          expected: typeof last === "number" ? String(last) : "a stream whose last dimension is this",
          found: typeof last === "number" ? String(from) : `${from} after ${formatShape(input)}`,
          hint: `the stream is ${formatShape(input)} here: set ${field} to ${String(last ?? from)}, or put a LinearLayer from ${String(last ?? "?")} to ${from} before it`,
        };
  const count = vectors(withDim(input, -1, from));
  const { params, trainable = params, perToken, kept } = cost((each) => times(count, each));
  const out = withDim(input, -1, to);
  const known = last === "?" ? withDim(input, -1, from) : input;
  return { in: known, out, problem, cost: { params, trainable, flops: times(count, perToken), activations: kept } };
}

/** As {@link affine}, for layers that need a dimension of time before the last. */
function overTime(result: LayerResult, input: Shape, field: string): LayerResult {
  if (input.open || input.dims.length >= 3 || result.problem !== null) return result;
  const expected = "a stream of [batch, time, width]";
  const hint = `the stream is ${formatShape(input)} here, which has no dimension of time`;
  return { ...result, problem: { field, expected, found: formatShape(input), hint } };
}

/** Batch and time before the width, where they are known. */
function timeOf(input: Shape): { readonly count: number | null; readonly steps: Dim } {
  const steps = dimAt(input, -2) ?? "?";
  return { count: vectors(input), steps };
}

function attention(layer: AttentionLayer, input: Shape): LayerResult {
  const { d_model, n_heads, mode, bias, local_window } = layer;
  const width = layer.attn_dim ?? d_model;
  const { count, steps } = timeOf(withDim(input, -1, d_model));
  let products: number;
  let extra: number;
  let keys: number;
  if (mode === "decoupled") {
    const [sem, geo] = [layer.sem_dim ?? 0, layer.geo_dim ?? 0];
    const semantic = layer.tie_qk ? sem : 2 * sem;
    products = d_model * (semantic + 2 * geo + width) + width * d_model;
    extra =
      (bias ? semantic + 2 * geo + width + d_model : 0) +
      (layer.decoupled_gate || layer.decoupled_gate_dynamic ? n_heads : 0) +
      (layer.decoupled_gate_dynamic ? d_model * n_heads : 0) +
      (layer.null_attn ? sem + geo + width : 0);
    keys = sem + geo;
  } else {
    const kv = (width / n_heads) * (layer.n_kv_heads ?? n_heads);
    products = 2 * d_model * width + 2 * d_model * kv;
    extra = bias ? width + 2 * kv + d_model : 0;
    keys = width;
  }
  if (layer.learned_temp) extra += n_heads;
  const seen = typeof steps === "number" ? Math.min(steps, local_window ?? steps) : null;
  const result = affine(input, "d_model", d_model, d_model, (n) => ({
    params: products + extra,
    perToken: 0,
    kept: n(2 * keys + 2 * width + d_model),
  }));
  // Every score is computed, also those that a mask throws away; each query meets `seen` keys and values.
  const flops = count === null || seen === null ? null : 2 * count * products + 2 * count * seen * (keys + width);
  const scores = count === null || seen === null ? null : 2 * count * seen * n_heads;
  const { activations } = result.cost;
  const kept = activations === null || scores === null ? null : activations + scores;
  return overTime({ ...result, cost: { ...result.cost, flops, activations: kept } }, input, "d_model");
}

function stateSpace(layer: SSMLayer, input: Shape): LayerResult {
  const { d_model, d_state, d_conv, expand, bias, conv_bias } = layer;
  const inner = expand * d_model;
  const rank = layer.dt_rank === "auto" ? Math.ceil(d_model / 16) : layer.dt_rank;
  const weights = 2 * d_model * inner + inner * d_conv + inner * (rank + 2 * d_state) + rank * inner + inner * d_model;
  const params = weights + inner + inner * d_state + inner + (bias ? 2 * inner + d_model : 0) + (conv_bias ? inner : 0);
  // Each state: scaled and fed (dt B x: 2), carried on (2), read (2).
  const result = affine(input, "d_model", d_model, d_model, (n) => ({
    params,
    perToken: 2 * weights + 6 * inner * d_state,
    kept: n(6 * inner + rank + 2 * d_state + inner * d_state + d_model),
  }));
  return overTime(result, input, "d_model");
}

function recurrent(layer: RNNLayer, input: Shape): LayerResult {
  const { cell_type, input_size, hidden_size, num_layers, bias, bidirectional, proj_size } = layer;
  const gates = cell_type === "lstm" ? 4 : cell_type === "gru" ? 3 : 1;
  const directions = bidirectional ? 2 : 1;
  const state = proj_size > 0 ? proj_size : hidden_size;
  let weights = 0;
  for (let index = 0; index < Math.min(2, num_layers); index++) {
    const from = index === 0 ? input_size : directions * state;
    const one = gates * hidden_size * (from + state) + (proj_size > 0 ? hidden_size * proj_size : 0);
    weights += directions * one * (index === 0 ? 1 : num_layers - 1);
  }
  const biases = bias ? 2 * gates * hidden_size * directions * num_layers : 0;
  const result = affine(input, "input_size", input_size, directions * state, (n) => ({
    params: weights + biases,
    perToken: 2 * weights,
    kept: n(directions * num_layers * (gates + 2) * hidden_size),
  }));
  return overTime(result, input, "input_size");
}

/** What a window of a convolution or a pool leaves of a length. */
export function windowed(length: Dim, size: number, stride: number, before: number, after: number, dilation = 1): Dim {
  if (typeof length !== "number") return "?";
  return Math.floor((length + before + after - dilation * (size - 1) - 1) / stride) + 1;
}

interface Convolution {
  readonly in_channels: number;
  readonly out_channels: number;
  readonly kernel_size: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number] | "same" | "valid";
  readonly dilation: readonly [number, number];
  readonly groups: number;
  readonly bias: boolean;
}

/** A convolution over [batch, channels, height, width]. */
export function convolution(layer: Convolution, input: Shape): LayerResult {
  const { in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias } = layer;
  const weights = (out_channels * in_channels * kernel_size[0] * kernel_size[1]) / groups;
  const params = weights + (bias ? out_channels : 0);
  const channels = dimAt(input, -3);
  const isImage = input.open || input.dims.length === 4;
  let problem: Problem | null = null;
  if (!isImage || channels === undefined)
    problem = {
      field: "in_channels",
      expected: "a stream of [batch, channels, height, width]",
      found: formatShape(input),
      hint: `the stream is ${formatShape(input)} here`,
    };
  else if (!dimsAgree(channels, in_channels))
    problem = {
      field: "in_channels",
      expected: String(channels),
      found: String(in_channels),
      hint: `the stream is ${formatShape(input)} here: set in_channels to ${String(channels)}`,
    };
  const [height, width] = ([0, 1] as const).map((axis): Dim => {
    const length = isImage ? (dimAt(input, axis - 2) ?? "?") : "?";
    if (padding === "same") return length;
    const added = padding === "valid" ? 0 : padding[axis];
    return windowed(length, kernel_size[axis], stride[axis], added, added, dilation[axis]);
  }) as [Dim, Dim];
  for (const [axis, length] of [height, width].entries())
    if (typeof length === "number" && length < 1 && problem === null)
      problem = {
        field: "kernel_size",
        expected: "a window that fits into the image",
        found: `${kernel_size.join(" x ")} in ${formatShape(input)}`,
        hint: `nothing is left of dimension ${axis + 2}: use a smaller window, or padding`,
      };
  const batch = isImage && !input.open ? (input.dims[0] ?? "?") : "?";
  const out: Shape = { open: input.open, dims: [...(input.open ? [] : [batch]), out_channels, height, width] };
  const count = elements({ open: false, dims: [batch, height, width] });
  const cost = {
    params,
    trainable: params,
    flops: times(count, 2 * weights),
    activations: times(count, out_channels),
  };
  const known = channels === "?" ? withDim(input, -3, in_channels) : input;
  return { in: known, out, problem, cost };
}

function graphConvolution(layer: Extract<Layer, { type: "GraphConvLayer" }>, input: Shape): LayerResult {
  const { kind, in_features, out_features, bias, heads, concat } = layer;
  const inner = kind === "gat" && !concat ? heads * out_features : out_features;
  const params = in_features * inner + (bias ? out_features : 0) + (kind === "gat" ? 2 * inner : 0);
  const nodes = dimAt(input, -2);
  const result = affine(input, "in_features", in_features, out_features, (n) => ({
    params,
    perToken: 2 * in_features * inner + (kind === "gat" ? 4 * inner : 0),
    kept: n(inner + out_features),
  }));
  const count = vectors(input);
  const { flops, activations } = result.cost;
  const isKnown = count !== null && typeof nodes === "number" && flops !== null && activations !== null;
  const scores = kind === "gat" ? heads : 0;
  return {
    ...result,
    cost: {
      ...result.cost,
      flops: isKnown ? flops + 2 * count * nodes * inner : null,
      activations: isKnown ? activations + 2 * count * nodes * scores : null,
    },
  };
}
