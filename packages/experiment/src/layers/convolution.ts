import type { Graph, Value } from "../tensor/graph.js";
import { type ForwardPass, expectRank, under } from "./forward-pass.js";
import { fanIn } from "./initial.js";

/** What a two-dimensional convolution is; pairs are (height, width). */
export interface ConvolutionConfig {
  readonly in_channels: number;
  readonly out_channels: number;
  readonly kernel_size: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number] | "same" | "valid";
  readonly dilation: readonly [number, number];
  readonly groups: number;
  readonly bias: boolean;
  readonly padding_mode: "zeros" | "reflect" | "replicate" | "circular";
}

/** A convolution over (batch, channels, height, width), as `torch.nn.Conv2d`; parameters `weight` and `bias`. */
export function convolution(pass: ForwardPass, path: string, x: Value, config: ConvolutionConfig): Value {
  expectRank(x, 4, path, "(batch, channels, height, width)");
  const { graph } = pass;
  const { in_channels, out_channels, kernel_size, groups } = config;
  const fan = (in_channels / groups) * kernel_size[0] * kernel_size[1];
  const weight = pass.parameter(
    under(path, "weight"),
    [out_channels, in_channels / groups, ...kernel_size],
    fanIn(fan),
  );
  let padding = paddingOf(config);
  let padded = x;
  if (config.padding_mode !== "zeros") {
    padded = padding.reduce((v, [before, after], i) => border(graph, v, i + 2, before, after, config.padding_mode), x);
    padding = [
      [0, 0],
      [0, 0],
    ];
  }
  const y = graph.conv(padded, weight, { strides: config.stride, padding, dilation: config.dilation, groups });
  if (!config.bias) return y;
  return graph.add(y, graph.reshape(pass.parameter(under(path, "bias"), [out_channels], fanIn(fan)), [-1, 1, 1]));
}

function paddingOf({ padding, kernel_size, dilation }: ConvolutionConfig): (readonly [number, number])[] {
  return [0, 1].map((axis) => {
    if (padding === "valid") return [0, 0];
    if (padding !== "same") return [padding[axis] ?? 0, padding[axis] ?? 0];
    const total = (dilation[axis] ?? 1) * ((kernel_size[axis] ?? 1) - 1);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
}

/** What lies beyond the edge of a picture. */
function border(
  graph: Graph,
  x: Value,
  axis: number,
  before: number,
  after: number,
  mode: "zeros" | "reflect" | "replicate" | "circular",
): Value {
  const size = x.shape[axis] ?? 1;
  const part = (start: number, end: number): Value[] => (start < end ? [graph.slice(x, axis, start, end)] : []);
  if (mode === "circular") return graph.concat([...part(size - before, size), x, ...part(0, after)], axis);
  if (mode === "reflect") {
    const flipped = (start: number, end: number): Value[] => part(start, end).map((v) => graph.flip(v, axis));
    return graph.concat([...flipped(1, before + 1), x, ...flipped(size - 1 - after, size - 1)], axis);
  }
  const repeated = (count: number, at: number): Value[] => Array.from({ length: count }, () => part(at, at + 1)).flat();
  return graph.concat([...repeated(before, 0), x, ...repeated(after, size - 1)], axis);
}
