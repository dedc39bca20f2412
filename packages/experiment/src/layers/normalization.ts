import type { Value } from "../tensor/graph.js";
import { type ForwardPass, expectWidth, under } from "./forward-pass.js";

const one = { kind: "constant", value: 1 } as const;
const zero = { kind: "constant", value: 0 } as const;

/** Layer normalisation over the last axis, with a learned scale and shift (Ba, Kiros, Hinton, 2016). */
export function layerNorm(
  pass: ForwardPass,
  path: string,
  x: Value,
  { d_model, eps }: { readonly d_model: number; readonly eps: number },
): Value {
  expectWidth(x, d_model, path, "d_model");
  const { graph } = pass;
  const centred = graph.sub(x, graph.mean(x, [-1], true));
  const variance = graph.mean(graph.unary("square", centred), [-1], true);
  const normal = graph.mul(centred, graph.unary("rsqrt", graph.add(variance, eps)));
  const weight = pass.parameter(under(path, "weight"), [d_model], one);
  return graph.add(graph.mul(normal, weight), pass.parameter(under(path, "bias"), [d_model], zero));
}

/** Division by the root of the mean square of the last axis (Zhang, Sennrich, 2019), with a learned scale or without. */
export function rmsNorm(
  pass: ForwardPass,
  path: string,
  x: Value,
  config: { readonly d_model: number; readonly eps: number; readonly elementwise_affine: boolean },
): Value {
  expectWidth(x, config.d_model, path, "d_model");
  const { graph } = pass;
  const meanSquare = graph.mean(graph.unary("square", x), [-1], true);
  const normal = graph.mul(x, graph.unary("rsqrt", graph.add(meanSquare, config.eps)));
  if (!config.elementwise_affine) return normal;
  return graph.mul(normal, pass.parameter(under(path, "weight"), [config.d_model], one));
}
