import type { Value } from "../tensor/graph.js";
import type { ActivationName } from "./activation.js";
import { type ForwardPass, under } from "./forward-pass.js";
import { linear } from "./linear.js";
import { layerNorm, rmsNorm } from "./normalization.js";

/**
 * A gated feed-forward layer (Shazeer: GLU variants improve transformer, 2020): down(act(gate(x)) * up(x)).
 * `gate_up_proj` has the rows of the gate first, then those of the other half; `down_proj` leads back to `d_model`.
 */
export function gatedFeedForward(
  pass: ForwardPass,
  path: string,
  x: Value,
  config: {
    readonly d_model: number;
    readonly d_ff: number;
    readonly activation: ActivationName;
    readonly bias: boolean;
  },
): Value {
  const { d_model, d_ff, bias } = config;
  const { graph } = pass;
  const both = linear(pass, under(path, "gate_up_proj"), x, { d_in: d_model, d_out: 2 * d_ff, bias });
  const gate = graph.slice(both, -1, 0, d_ff);
  const up = graph.slice(both, -1, d_ff, 2 * d_ff);
  const hidden = graph.mul(graph.unary(config.activation, gate), up);
  return linear(pass, under(path, "down_proj"), hidden, { d_in: d_ff, d_out: d_model, bias });
}

/** A linear layer, then its normalisation, activation and dropout, each of which may be absent. */
export function dense(
  pass: ForwardPass,
  path: string,
  x: Value,
  config: {
    readonly d_in: number;
    readonly d_out: number;
    readonly bias: boolean;
    readonly activation: ActivationName | null;
    readonly normalization: "layer_norm" | "rms_norm" | null;
    readonly dropout: number;
  },
): Value {
  let y = linear(pass, under(path, "linear"), x, config);
  const norm = { d_model: config.d_out, eps: 1e-5, elementwise_affine: true };
  if (config.normalization === "layer_norm") y = layerNorm(pass, under(path, "norm"), y, norm);
  else if (config.normalization === "rms_norm") y = rmsNorm(pass, under(path, "norm"), y, norm);
  if (config.activation !== null) y = pass.graph.unary(config.activation, y);
  return pass.dropout(y, config.dropout);
}
