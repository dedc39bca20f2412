import { ExperimentError } from "../errors.js";
import type { Value } from "../tensor/graph.js";
import { type ForwardPass, expectRank, expectWidth, under } from "./forward-pass.js";
import { fanIn } from "./initial.js";

/** What a recurrent layer is. `proj_size` 0 is no projection. */
export interface RecurrentConfig {
  readonly cell_type: "lstm" | "gru" | "rnn_tanh" | "rnn_relu";
  readonly input_size: number;
  readonly hidden_size: number;
  readonly num_layers: number;
  readonly bias: boolean;
  readonly batch_first: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly proj_size: number;
}

const gates = { lstm: 4, gru: 3, rnn_tanh: 1, rnn_relu: 1 } as const;

/**
 * A recurrent layer over (batch, tokens, features), as `torch.nn.LSTM`, `GRU` and `RNN`, with their parameter names.
 * Tokens are unrolled: the program grows with their number.
 */
export function recurrent(pass: ForwardPass, path: string, x: Value, config: RecurrentConfig): Value {
  expectRank(x, 3, path, config.batch_first ? "(batch, tokens, features)" : "(tokens, batch, features)");
  expectWidth(x, config.input_size, path, "input_size");
  const { graph } = pass;
  if (config.bidirectional && pass.continuation !== undefined) {
    throw new ExperimentError("unsupported", `${path}: a layer that reads its text backwards cannot continue one`);
  }
  let y = config.batch_first ? x : graph.transpose(x, [1, 0, 2]);
  for (let layer = 0; layer < config.num_layers; layer++) {
    const forward = direction(pass, path, y, config, layer, false);
    y = config.bidirectional ? graph.concat([forward, direction(pass, path, y, config, layer, true)], -1) : forward;
    if (layer < config.num_layers - 1) y = pass.dropout(y, config.dropout);
  }
  return config.batch_first ? y : graph.transpose(y, [1, 0, 2]);
}

function direction(
  pass: ForwardPass,
  path: string,
  x: Value,
  config: RecurrentConfig,
  layer: number,
  backwards: boolean,
): Value {
  const { graph, continuation } = pass;
  const [batch = 1, tokens = 1, features = 1] = x.shape;
  const { cell_type: cell, hidden_size: hidden, proj_size, bias } = config;
  const out = proj_size > 0 ? proj_size : hidden;
  const suffix = `l${layer}${backwards ? "_reverse" : ""}`;
  const rows = gates[cell] * hidden;
  const parameter = (name: string, shape: number[]): Value =>
    pass.parameter(under(path, `${name}_${suffix}`), shape, fanIn(hidden));
  const inputWeight = parameter("weight_ih", [rows, features]);
  const stateWeight = parameter("weight_hh", [rows, out]);
  const inputBias = bias ? parameter("bias_ih", [rows]) : undefined;
  const stateBias = bias ? parameter("bias_hh", [rows]) : undefined;
  const projection = proj_size > 0 ? parameter("weight_hr", [proj_size, hidden]) : undefined;

  const plus = (v: Value, b: Value | undefined): Value => (b === undefined ? v : graph.add(v, b));
  const entering = plus(graph.timesTransposed(x, inputWeight), inputBias);
  const kept = (name: string, width: number): Value =>
    continuation === undefined
      ? graph.full([batch, width], 0)
      : pass.carried(under(path, `${name}_${suffix}`), [batch, width]);
  let h = kept("h", out);
  let c = cell === "lstm" ? kept("c", hidden) : undefined;
  const outputs: Value[] = [];
  for (let i = 0; i < tokens; i++) {
    const t = backwards ? tokens - 1 - i : i;
    const input = graph.reshape(graph.slice(entering, 1, t, t + 1), [batch, rows]);
    const state = plus(graph.timesTransposed(h, stateWeight), stateBias);
    const next = step(pass, cell, hidden, input, state, h, c);
    const projected = projection === undefined ? next.h : graph.timesTransposed(next.h, projection);
    // Filling after the last token leaves the state as it is.
    const counts = continuation && graph.binary("gt", continuation.length, graph.full([], t, "int32"));
    h = counts === undefined ? projected : graph.where(counts, projected, h);
    if (next.c !== undefined && c !== undefined) c = counts === undefined ? next.c : graph.where(counts, next.c, c);
    outputs.push(projected);
  }
  if (continuation !== undefined) {
    pass.carry(under(path, `h_${suffix}`), h);
    if (c !== undefined) pass.carry(under(path, `c_${suffix}`), c);
  }
  return graph.stack(backwards ? outputs.reverse() : outputs, 1);
}

function step(
  { graph }: ForwardPass,
  cell: RecurrentConfig["cell_type"],
  hidden: number,
  input: Value,
  state: Value,
  h: Value,
  c: Value | undefined,
): { readonly h: Value; readonly c?: Value } {
  if (cell === "rnn_tanh" || cell === "rnn_relu") {
    return { h: graph.unary(cell === "rnn_tanh" ? "tanh" : "relu", graph.add(input, state)) };
  }
  const sizes = Array.from({ length: gates[cell] }, () => hidden);
  if (cell === "gru") {
    const [inputReset, inputUpdate, inputNew] = graph.split(input, -1, sizes) as [Value, Value, Value];
    const [stateReset, stateUpdate, stateNew] = graph.split(state, -1, sizes) as [Value, Value, Value];
    const reset = graph.unary("sigmoid", graph.add(inputReset, stateReset));
    const update = graph.unary("sigmoid", graph.add(inputUpdate, stateUpdate));
    const fresh = graph.unary("tanh", graph.add(inputNew, graph.mul(reset, stateNew)));
    return { h: graph.add(fresh, graph.mul(update, graph.sub(h, fresh))) };
  }
  const [i, f, g, o] = graph.split(graph.add(input, state), -1, sizes) as [Value, Value, Value, Value];
  const kept = graph.mul(graph.unary("sigmoid", f), c ?? graph.full(h.shape, 0));
  const cNew = graph.add(kept, graph.mul(graph.unary("sigmoid", i), graph.unary("tanh", g)));
  return { h: graph.mul(graph.unary("sigmoid", o), graph.unary("tanh", cNew)), c: cNew };
}
