import type { Value } from "../tensor/graph.js";
import { type ForwardPass, expectWidth, under } from "./forward-pass.js";
import { type Initial, fanIn } from "./initial.js";

/** y = x W^T + b over the last axis; parameters `weight` (out, in) and `bias`, as `torch.nn.Linear` has them. */
export function linear(
  pass: ForwardPass,
  path: string,
  x: Value,
  sizes: {
    readonly d_in: number;
    readonly d_out: number;
    readonly bias?: boolean;
    readonly initial?: Initial;
    readonly trainable?: boolean;
  },
): Value {
  const { d_in, d_out, bias = true, initial = fanIn(d_in), trainable = true } = sizes;
  expectWidth(x, d_in, path, "d_in");
  const product = pass.graph.timesTransposed(
    x,
    pass.parameter(under(path, "weight"), [d_out, d_in], initial, trainable),
  );
  if (!bias) return product;
  return pass.graph.add(product, pass.parameter(under(path, "bias"), [d_out], fanIn(d_in), trainable));
}

/**
 * A linear layer whose weight is left alone and whose change has low rank: x W^T + b + dropout(x) A B alpha/r (Hu et
 * al.: LoRA, 2021). Parameters `weight`, `bias`, `lora_a` (in, r) and `lora_b` (r, out), the latter zero at first.
 */
export function loraLinear(
  pass: ForwardPass,
  path: string,
  x: Value,
  config: {
    readonly d_in: number;
    readonly d_out: number;
    readonly r: number;
    readonly alpha: number;
    readonly dropout: number;
    readonly bias: boolean;
    readonly freeze_base: boolean;
  },
): Value {
  const { d_in, d_out, r, alpha } = config;
  const { graph } = pass;
  const base = linear(pass, path, x, { ...config, trainable: !config.freeze_base });
  // Kaiming's uniform start with a = sqrt(5) over a matrix of r columns: 1/sqrt(r).
  const a = pass.parameter(under(path, "lora_a"), [d_in, r], fanIn(r));
  const b = pass.parameter(under(path, "lora_b"), [r, d_out], { kind: "constant", value: 0 });
  const change = graph.matmul(graph.matmul(pass.dropout(x, config.dropout), a), b);
  return graph.add(base, graph.mul(change, alpha / r));
}
