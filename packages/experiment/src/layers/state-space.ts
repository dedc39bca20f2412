import type { Value } from "../tensor/graph.js";
import { type ForwardPass, expectRank, expectWidth, under } from "./forward-pass.js";
import { type Initial, fanIn } from "./initial.js";
import { linear } from "./linear.js";

/** What a selective state space layer is. */
export interface StateSpaceConfig {
  readonly d_model: number;
  readonly d_state: number;
  readonly d_conv: number;
  readonly expand: number;
  readonly dt_rank: number;
  readonly dt_min: number;
  readonly dt_max: number;
  readonly dt_init: "random" | "constant";
  readonly dt_scale: number;
  readonly dt_init_floor: number;
  readonly bias: boolean;
  readonly conv_bias: boolean;
}

/**
 * A selective state space layer over (batch, tokens, d_model) (Gu and Dao: Mamba, 2023). The recurrence
 * h_t = exp(dt A) h_{t-1} + dt B x_t is computed by doubling: log2(tokens) steps over all tokens at once, which an
 * engine without loops can compile for long texts too. Parameters are named as in the authors' code.
 */
export function stateSpace(pass: ForwardPass, path: string, x: Value, config: StateSpaceConfig): Value {
  expectRank(x, 3, path, "(batch, tokens, d_model)");
  expectWidth(x, config.d_model, path, "d_model");
  const { graph } = pass;
  const { d_model, d_state, dt_rank, bias } = config;
  const inner = config.expand * d_model;
  const both = linear(pass, under(path, "in_proj"), x, { d_in: d_model, d_out: 2 * inner, bias });
  const gate = graph.slice(both, -1, inner, 2 * inner);
  const u = graph.unary("silu", causalConvolution(pass, path, graph.slice(both, -1, 0, inner), config));

  const selected = linear(pass, under(path, "x_proj"), u, { d_in: inner, d_out: dt_rank + 2 * d_state, bias: false });
  const [low, b, c] = graph.split(selected, -1, [dt_rank, d_state, d_state]) as [Value, Value, Value];
  let dt = graph.unary("softplus", timeStepLogits(pass, under(path, "dt_proj"), low, inner, config));
  const { continuation } = pass;
  if (continuation !== undefined) {
    // Filling after the last token must not move the state: no time passes there.
    const counts = graph.binary("lt", graph.iota([x.shape[1] ?? 1, 1], 0), continuation.length);
    dt = graph.where(counts, dt, 0);
  }
  const a = pass.parameter(under(path, "A_log"), [inner, d_state], { kind: "log_counting" });
  const rate = graph.neg(graph.unary("exp", a));
  const decay = graph.unary("exp", graph.mul(graph.expand(dt, -1), rate));
  const entering = graph.mul(graph.expand(graph.mul(dt, u), -1), graph.expand(b, 2));
  const h = recurrence(pass, under(path, "h"), decay, entering);

  const seen = graph.sum(graph.mul(h, graph.expand(c, 2)), [-1]);
  const d = pass.parameter(under(path, "D"), [inner], { kind: "constant", value: 1 });
  const y = graph.mul(graph.add(seen, graph.mul(u, d)), graph.unary("silu", gate));
  return linear(pass, under(path, "out_proj"), y, { d_in: inner, d_out: d_model, bias });
}

function timeStepLogits(pass: ForwardPass, path: string, low: Value, inner: number, config: StateSpaceConfig): Value {
  const spread = config.dt_rank ** -0.5 * config.dt_scale;
  const initial: Initial =
    config.dt_init === "constant" ? { kind: "constant", value: spread } : { kind: "uniform", bound: spread };
  const bias = pass.parameter(under(path, "bias"), [inner], {
    kind: "time_step",
    min: config.dt_min,
    max: config.dt_max,
    floor: config.dt_init_floor,
  });
  const sizes = { d_in: config.dt_rank, d_out: inner, bias: false, initial };
  return pass.graph.add(linear(pass, path, low, sizes), bias);
}

/** Each channel convolved over its own last `d_conv` tokens; parameters `conv1d.weight` and `conv1d.bias`. */
function causalConvolution(pass: ForwardPass, path: string, x: Value, config: StateSpaceConfig): Value {
  const { graph, continuation } = pass;
  const [batch = 1, tokens = 1, channels = 1] = x.shape;
  const width = config.d_conv;
  const kernel = pass.parameter(under(path, "conv1d.weight"), [channels, 1, width], fanIn(width));
  let all: Value;
  if (continuation === undefined) all = graph.pad(x, 1, width - 1, 0);
  else if (width === 1) all = x;
  else {
    const name = under(path, "conv1d");
    all = graph.concat([pass.carried(name, [batch, width - 1, channels]), x], 1);
    pass.carry(name, graph.take(all, graph.add(graph.iota([width - 1], 0), continuation.length), 1));
  }
  // A sum of shifted products: as many terms as the window is wide, each of them element by element.
  const terms = Array.from({ length: width }, (_, i) =>
    graph.mul(graph.slice(all, 1, i, i + tokens), graph.reshape(graph.slice(kernel, 2, i, i + 1), [channels])),
  );
  const sum = terms.reduce((p, q) => graph.add(p, q));
  return config.conv_bias ? graph.add(sum, pass.parameter(under(path, "conv1d.bias"), [channels], fanIn(width))) : sum;
}

/** h_t = decay_t h_{t-1} + entering_t along axis 1, all t at once. */
function recurrence(pass: ForwardPass, name: string, decay: Value, entering: Value): Value {
  const { graph, continuation } = pass;
  const tokens = decay.shape[1] ?? 1;
  let [a, h] = [decay, entering];
  for (let reach = 1; reach < tokens; reach *= 2) {
    const head = (v: Value): Value => graph.slice(v, 1, 0, reach);
    const tail = (v: Value): Value => graph.slice(v, 1, reach, tokens);
    const earlier = (v: Value): Value => graph.slice(v, 1, 0, tokens - reach);
    h = graph.concat([head(h), graph.add(tail(h), graph.mul(tail(a), earlier(h)))], 1);
    a = graph.concat([head(a), graph.mul(tail(a), earlier(a))], 1);
  }
  if (continuation === undefined) return h;
  const [batch = 1, , inner = 1, states = 1] = decay.shape;
  const before = pass.carried(name, [batch, inner, states]);
  const all = graph.add(h, graph.mul(a, graph.expand(before, 1)));
  pass.carry(name, graph.reshape(graph.slice(all, 1, tokens - 1, tokens), [batch, inner, states]));
  return all;
}
