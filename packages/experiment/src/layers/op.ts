import type { GraphNode } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { Value } from "../tensor/graph.js";
import { sizeOf } from "../tensor/program.js";
import { convolution } from "./convolution.js";
import { tokenEmbedding } from "./embedder.js";
import { type ForwardPass, expectRank, under } from "./forward-pass.js";
import { linear } from "./linear.js";

type OpNode = Extract<GraphNode, { kind: "op" }>;

/** An operation of a graph, named and configured as its module in `torch.nn`. */
export function applyOp(pass: ForwardPass, path: string, node: OpNode, inputs: readonly Value[]): Value {
  const { graph } = pass;
  const [x, y] = inputs;
  const several = node.op === "Concat" || node.op === "Add" || node.op === "Mul";
  const wanted = node.op === "MatMul" ? 2 : 1;
  if (x === undefined || (!several && inputs.length !== wanted)) {
    throw new ExperimentError("invalid_layer", `${path}: ${node.op} takes ${wanted} input(s), found ${inputs.length}`);
  }
  const axis = (dim: number): number => (dim < 0 ? dim + x.shape.length : dim);
  switch (node.op) {
    case "Linear":
      return linear(pass, path, x, {
        d_in: node.config.in_features,
        d_out: node.config.out_features,
        bias: node.config.bias,
      });
    case "Conv2d":
      return convolution(pass, path, x, { ...node.config, padding_mode: "zeros" });
    case "ReLU":
      return graph.unary("relu", x);
    case "GELU":
      return graph.unary("gelu", x);
    case "SiLU":
      return graph.unary("silu", x);
    case "Tanh":
      return graph.unary("tanh", x);
    case "Sigmoid":
      return graph.unary("sigmoid", x);
    case "Softmax":
      return graph.softmax(x, axis(node.config.dim));
    case "LogSoftmax":
      return graph.logSoftmax(x, axis(node.config.dim));
    case "Dropout":
      return pass.dropout(x, node.config.p);
    case "LayerNorm":
    case "RMSNorm":
      return normalize(pass, path, x, node.op, node.config);
    case "BatchNorm1d":
    case "BatchNorm2d":
      return batchNorm(pass, path, x, node.config);
    case "Flatten": {
      const [start, end] = [axis(node.config.start_dim), axis(node.config.end_dim)];
      const joined = sizeOf(x.shape.slice(start, end + 1));
      return graph.reshape(x, [...x.shape.slice(0, start), joined, ...x.shape.slice(end + 1)]);
    }
    case "MaxPool2d": {
      const { kernel_size, stride, padding } = node.config;
      const pad = (v: Value): Value => padding.reduce((w, by, i) => graph.pad(w, i + 2, by, by), v);
      // What lies outside must never win.
      const guarded = padding.every((by) => by === 0)
        ? x
        : graph.where(graph.binary("gt", pad(graph.full(x.shape, 1)), 0), pad(x), -1e30);
      return graph.windowMax(guarded, kernel_size, stride ?? kernel_size);
    }
    case "AvgPool2d": {
      const { kernel_size, stride, padding } = node.config;
      return averagePool(pass, path, x, kernel_size, stride ?? kernel_size, padding);
    }
    case "AdaptiveAvgPool2d": {
      expectRank(x, 4, path, "(batch, channels, height, width)");
      const window = node.config.output_size.map((size, i) => (x.shape[i + 2] ?? 1) / size) as [number, number];
      if (!window.every(Number.isInteger)) {
        throw new ExperimentError("unsupported", `${path}: AdaptiveAvgPool2d needs sizes that divide its input's here`);
      }
      return averagePool(pass, path, x, window, window, [0, 0]);
    }
    case "Embedding":
      return tokenEmbedding(pass, path, x, node.config.num_embeddings, node.config.embedding_dim);
    case "Identity":
      return x;
    case "Concat":
      return graph.concat(inputs, node.config.dim);
    case "Add":
      return inputs.reduce((a, b) => graph.add(a, b));
    case "Mul":
      return inputs.reduce((a, b) => graph.mul(a, b));
    case "MatMul":
      return graph.matmul(x, y ?? x);
    case "Reshape":
      return graph.reshape(x, node.config.shape);
    case "Transpose": {
      const order = x.shape.map((_, i) => i);
      const [a, b] = [axis(node.config.dim0), axis(node.config.dim1)];
      [order[a], order[b]] = [b, a];
      return graph.transpose(x, order);
    }
    case "Mean":
      return graph.mean(x, node.config.dim.map(axis), node.config.keepdim);
  }
}

function normalize(
  pass: ForwardPass,
  path: string,
  x: Value,
  op: "LayerNorm" | "RMSNorm",
  config: {
    readonly normalized_shape: readonly number[];
    readonly eps: number;
    readonly elementwise_affine: boolean;
  },
): Value {
  const { graph } = pass;
  const axes = config.normalized_shape.map((_, i) => i - config.normalized_shape.length);
  if (axes.some((axis, i) => x.shape.at(axis) !== config.normalized_shape[i])) {
    throw new ExperimentError(
      "shape_mismatch",
      `${path}: expected last axes of ${config.normalized_shape.join(" x ")}, found ${x.shape.join(" x ")}`,
    );
  }
  const centred = op === "LayerNorm" ? graph.sub(x, graph.mean(x, axes, true)) : x;
  const square = graph.mean(graph.unary("square", centred), axes, true);
  const normal = graph.mul(centred, graph.unary("rsqrt", graph.add(square, config.eps)));
  if (!config.elementwise_affine) return normal;
  const parameter = (name: string, value: number): Value =>
    pass.parameter(under(path, name), config.normalized_shape, { kind: "constant", value });
  const scaled = graph.mul(normal, parameter("weight", 1));
  return op === "LayerNorm" ? graph.add(scaled, parameter("bias", 0)) : scaled;
}

/** Statistics of the batch while training, and running ones otherwise, which training keeps up to date. */
function batchNorm(
  pass: ForwardPass,
  path: string,
  x: Value,
  config: {
    readonly num_features: number;
    readonly eps: number;
    readonly momentum: number;
    readonly affine: boolean;
  },
): Value {
  const { graph } = pass;
  const { num_features: channels, momentum } = config;
  if (x.shape[1] !== channels) {
    throw new ExperimentError("shape_mismatch", `${path}: expected ${channels} channels, found ${x.shape.join(" x ")}`);
  }
  const wide = (v: Value): Value => graph.reshape(v, [channels, ...x.shape.slice(2).map(() => 1)]);
  const runningMean = pass.buffer(under(path, "running_mean"), [channels], 0);
  const runningVariance = pass.buffer(under(path, "running_var"), [channels], 1);
  let [mean, variance] = [runningMean, runningVariance];
  if (pass.training) {
    const axes = x.shape.map((_, i) => i).filter((i) => i !== 1);
    mean = graph.mean(x, axes);
    variance = graph.mean(graph.unary("square", graph.sub(x, wide(mean))), axes);
    const count = sizeOf(x.shape) / channels;
    const blend = (old: Value, fresh: Value): Value =>
      graph.add(graph.mul(old, 1 - momentum), graph.mul(fresh, momentum));
    pass.update(under(path, "running_mean"), blend(runningMean, mean));
    pass.update(
      under(path, "running_var"),
      blend(runningVariance, graph.mul(variance, count / Math.max(1, count - 1))),
    );
  }
  const normal = graph.mul(graph.sub(x, wide(mean)), wide(graph.unary("rsqrt", graph.add(variance, config.eps))));
  if (!config.affine) return normal;
  const parameter = (name: string, value: number): Value =>
    wide(pass.parameter(under(path, name), [channels], { kind: "constant", value }));
  return graph.add(graph.mul(normal, parameter("weight", 1)), parameter("bias", 0));
}

function averagePool(
  pass: ForwardPass,
  path: string,
  x: Value,
  window: readonly [number, number],
  strides: readonly [number, number],
  padding: readonly [number, number],
): Value {
  expectRank(x, 4, path, "(batch, channels, height, width)");
  const channels = x.shape[1] ?? 1;
  const kernel = pass.graph.full([channels, 1, ...window], 1 / (window[0] * window[1]));
  return pass.graph.conv(x, kernel, {
    strides,
    padding: padding.map((by) => [by, by] as const),
    dilation: [1, 1],
    groups: channels,
  });
}
