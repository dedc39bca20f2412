import { ExperimentError } from "../errors.js";
import type { Value } from "../tensor/graph.js";
import { show } from "../tensor/shape.js";
import { leakyRelu } from "./activation.js";
import { type ForwardPass, expectWidth, under } from "./forward-pass.js";
import { xavier } from "./initial.js";

/** What a graph convolution is: the plain one, or the one that attends to neighbours. */
export interface GraphConvolutionConfig {
  readonly kind: "gcn" | "gat";
  readonly in_features: number;
  readonly out_features: number;
  readonly bias: boolean;
  readonly heads: number;
  readonly concat: boolean;
  readonly negative_slope: number;
  readonly dropout: number;
}

/**
 * A graph convolution of node features (nodes, features) by an adjacency matrix (nodes, nodes), which is used as it is
 * given. `gcn` is adj (x W^T + b) (Kipf, Welling, 2017); `gat` weighs neighbours by attention (Veličković et al., 2018).
 */
export function graphConvolution(
  pass: ForwardPass,
  path: string,
  x: Value,
  adjacency: Value,
  config: GraphConvolutionConfig,
): Value {
  expectWidth(x, config.in_features, path, "in_features");
  const nodes = x.shape[0] ?? 0;
  if (x.shape.length !== 2 || adjacency.shape.length !== 2 || adjacency.shape.some((size) => size !== nodes)) {
    throw new ExperimentError(
      "shape_mismatch",
      `${path}: expected node features (nodes, features) and an adjacency matrix (nodes, nodes), ` +
        `found ${show(x.shape)} and ${show(adjacency.shape)}`,
    );
  }
  return config.kind === "gcn" ? plain(pass, path, x, adjacency, config) : attending(pass, path, x, adjacency, config);
}

function plain(pass: ForwardPass, path: string, x: Value, adjacency: Value, config: GraphConvolutionConfig): Value {
  const { graph } = pass;
  const { in_features, out_features } = config;
  const weight = pass.parameter(under(path, "weight"), [out_features, in_features], xavier(in_features, out_features));
  let y = graph.timesTransposed(x, weight);
  if (config.bias)
    y = graph.add(y, pass.parameter(under(path, "bias"), [out_features], { kind: "constant", value: 0 }));
  return graph.matmul(adjacency, pass.dropout(y, config.dropout));
}

function attending(pass: ForwardPass, path: string, x: Value, adjacency: Value, config: GraphConvolutionConfig): Value {
  const { graph } = pass;
  const { in_features, out_features, heads, concat } = config;
  const nodes = x.shape[0] ?? 1;
  const width = concat ? out_features / heads : out_features;
  const total = heads * width;
  const weight = pass.parameter(under(path, "weight"), [total, in_features], xavier(in_features, total));
  const h = graph.transpose(graph.reshape(graph.timesTransposed(x, weight), [nodes, heads, width]), [1, 0, 2]);
  const side = (name: string): Value => {
    const vector = pass.parameter(under(path, name), [heads, width], xavier(width, 1));
    return graph.sum(graph.mul(h, graph.expand(vector, 1)), [-1]);
  };
  const scores = graph.add(graph.expand(side("attn_src"), 2), graph.expand(side("attn_dst"), 1));
  const sloped = leakyRelu(graph, scores, config.negative_slope);
  const masked = graph.where(graph.binary("ne", adjacency, 0), sloped, -1e9);
  const weights = pass.dropout(graph.softmax(masked, -1), config.dropout);
  const mixed = graph.matmul(weights, h);
  const y = concat ? graph.reshape(graph.transpose(mixed, [1, 0, 2]), [nodes, total]) : graph.mean(mixed, [0]);
  if (!config.bias) return y;
  return graph.add(y, pass.parameter(under(path, "bias"), [out_features], { kind: "constant", value: 0 }));
}
