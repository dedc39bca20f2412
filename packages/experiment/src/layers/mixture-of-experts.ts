import type { Value } from "../tensor/graph.js";
import { sizeOf } from "../tensor/program.js";
import { type ForwardPass, expectWidth, under } from "./forward-pass.js";
import { linear } from "./linear.js";

/**
 * A mixture of gated experts: each token goes to the `top_k` experts its router prefers, with weights that add up to 1
 * (Shazeer et al., 2017). The balance loss is E times the sum over experts of their mean probability and of their share
 * of the choices, 1 when balanced (Fedus, Zoph, Shazeer: Switch transformers, 2021); it joins the objective while
 * training. Every expert sees every token here, and what was not chosen counts for nothing: exact, though no cheaper
 * than a dense layer of all experts.
 */
export function mixtureOfExperts(
  pass: ForwardPass,
  path: string,
  x: Value,
  config: {
    readonly d_model: number;
    readonly num_experts: number;
    readonly top_k: number;
    readonly d_ff: number;
    readonly bias: boolean;
    readonly load_balancing_weight: number;
  },
): Value {
  const { d_model, d_ff, num_experts: experts, top_k } = config;
  expectWidth(x, d_model, path, "d_model");
  const { graph } = pass;
  const tokens = graph.reshape(x, [sizeOf(x.shape) / d_model, d_model]);
  // A router that starts at zero prefers nobody, and every tie would fall to the same experts.
  const logits = linear(pass, under(path, "router"), tokens, {
    d_in: d_model,
    d_out: experts,
    bias: config.bias,
    initial: { kind: "normal", std: 0.02 },
  });
  const probabilities = graph.softmax(logits, -1);
  const chosen = chosenExperts(pass, probabilities, top_k);
  const kept = graph.mul(probabilities, chosen);
  const weights = graph.div(kept, graph.sum(kept, [-1], true));

  const count = tokens.shape[0] ?? 1;
  const small = { kind: "normal", std: 0.02 } as const;
  const gateUp = pass.parameter(under(path, "w_gate_up"), [experts, d_model, 2 * d_ff], small);
  const down = pass.parameter(under(path, "w_down"), [experts, d_ff, d_model], small);
  const everywhere = graph.broadcast(graph.expand(tokens, 0), [experts, count, d_model]);
  const both = graph.matmul(everywhere, gateUp);
  const hidden = graph.mul(graph.unary("silu", graph.slice(both, -1, 0, d_ff)), graph.slice(both, -1, d_ff, 2 * d_ff));
  const results = graph.matmul(hidden, down);
  const weighted = graph.mul(results, graph.expand(graph.transpose(weights, [1, 0]), -1));

  const share = graph.mean(chosen, [0]);
  const balance = graph.mul(graph.sum(graph.mul(graph.mean(probabilities, [0]), share)), experts / top_k);
  pass.auxiliary.push({ name: under(path, "balance"), value: balance, weight: config.load_balancing_weight });
  return graph.reshape(graph.sum(weighted, [0]), x.shape);
}

/** 1 for the `k` most probable experts of each token, 0 for the others; the first among equals. */
function chosenExperts({ graph }: ForwardPass, probabilities: Value, k: number): Value {
  const [tokens = 1, experts = 1] = probabilities.shape;
  const number = graph.iota([tokens, experts], 1);
  let left = graph.unary("stop_gradient", probabilities);
  let chosen = graph.full([tokens, experts], 0);
  for (let i = 0; i < k; i++) {
    const best = graph.binary("eq", number, graph.expand(graph.argmax(left, -1), -1));
    chosen = graph.where(best, 1, chosen);
    left = graph.where(best, -1, left);
  }
  return chosen;
}
