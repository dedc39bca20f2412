import { ExperimentError } from "../errors.js";
import type { Value } from "../tensor/graph.js";
import { type ForwardPass, expectRank, expectWidth, under } from "./forward-pass.js";
import { linear } from "./linear.js";
import { type RopeScaling, ropeTables, rotate } from "./rope.js";

/** What an attention layer is. Sizes are numbers of features over all heads. */
export interface AttentionConfig {
  readonly d_model: number;
  readonly n_heads: number;
  readonly n_kv_heads: number;
  readonly mode: "standard" | "gqa" | "decoupled";
  /** Width of the values, and in the standard mode of the queries. */
  readonly attn_dim: number;
  /** Widths of the semantic and the geometric path, in the decoupled mode. */
  readonly sem_dim: number | null;
  readonly geo_dim: number | null;
  readonly rope_enabled: boolean;
  readonly rope_base: number;
  readonly rope_scaling: RopeScaling | null;
  readonly rope_semantic: boolean;
  readonly tie_qk: boolean;
  /** A learned key and value of each head that every query sees. */
  readonly null_attn: boolean;
  readonly decoupled_gate: boolean;
  readonly decoupled_gate_dynamic: boolean;
  readonly is_causal: boolean;
  readonly dropout_p: number;
  readonly bias: boolean;
  readonly learned_temp: boolean;
  /** So many queries at a time; changes the memory it takes, not the result. */
  readonly q_chunk: number | null;
  /** How many tokens back a token sees, itself among them. */
  readonly local_window: number | null;
}

/** One product of queries and keys that goes into the scores. */
interface Path {
  readonly q: Value;
  readonly k: Value;
}

/**
 * Attention over (batch, tokens, d_model). Standard and grouped-query heads share one path; decoupled heads add the
 * scores of a semantic path (no positions) and a geometric one (rotated by position) before one softmax.
 * While a sequence is continued, keys are rotated once and kept.
 */
export function attention(pass: ForwardPass, path: string, x: Value, config: AttentionConfig): Value {
  expectRank(x, 3, path, "(batch, tokens, d_model)");
  expectWidth(x, config.d_model, path, "d_model");
  const { graph } = pass;
  const { d_model, n_heads, attn_dim, bias } = config;
  const decoupled = config.mode === "decoupled";
  const kvHeads = decoupled ? n_heads : config.n_kv_heads;
  const project = (name: string, width: number): Value =>
    linear(pass, under(path, name), x, { d_in: d_model, d_out: width, bias });
  const valueWidth = (attn_dim / n_heads) * kvHeads;

  const paths = decoupled ? decoupledPaths(pass, path, x, config, project) : [standardPath(pass, config, project)];
  const [first] = paths;
  if (first !== undefined && config.learned_temp) {
    const scale = pass.parameter(under(path, "logit_scale"), [n_heads], { kind: "constant", value: 0 });
    const clamped = graph.binary("min", graph.binary("max", scale, -8), 8);
    const factor = graph.reshape(graph.unary("exp", clamped), [n_heads, 1, 1]);
    paths.splice(0, Infinity, ...paths.map(({ q, k }) => ({ q: graph.mul(q, factor), k })));
  }
  const kept = paths.map(({ q, k }, i) => ({
    q,
    k: keep(pass, under(path, paths.length === 1 ? "k" : i === 0 ? "k_sem" : "k_geo"), k),
  }));
  const v = keep(pass, under(path, "v"), heads(pass, project("v_proj", valueWidth), kvHeads));

  const tokens = x.shape[1] ?? 1;
  const chunk = config.q_chunk ?? tokens;
  const parts: Value[] = [];
  for (let start = 0; start < tokens; start += chunk) {
    const end = Math.min(tokens, start + chunk);
    const cut = kept.map(({ q, k }) => ({ q: graph.slice(q, 2, start, end), k }));
    parts.push(attend(pass, path, config, cut, v, start));
  }
  const mixed = graph.concat(parts, 2);
  const flat = graph.reshape(graph.transpose(mixed, [0, 2, 1, 3]), [x.shape[0] ?? 1, tokens, attn_dim]);
  const out = linear(pass, under(path, "out_proj"), flat, { d_in: attn_dim, d_out: d_model, bias });
  pass.attentions.set(path, out);
  return out;
}

function standardPath(pass: ForwardPass, config: AttentionConfig, project: (n: string, w: number) => Value): Path {
  const { n_heads, n_kv_heads, attn_dim } = config;
  const width = attn_dim / n_heads;
  let q = heads(pass, project("q_proj", attn_dim), n_heads);
  let k = heads(pass, project("k_proj", width * n_kv_heads), n_kv_heads);
  if (config.rope_enabled) [q, k] = turned(pass, config, width, q, k);
  return { q: pass.graph.mul(q, 1 / Math.sqrt(width)), k };
}

function decoupledPaths(
  pass: ForwardPass,
  path: string,
  x: Value,
  config: AttentionConfig,
  project: (name: string, width: number) => Value,
): Path[] {
  const { graph } = pass;
  const { n_heads, sem_dim, geo_dim } = config;
  if (sem_dim === null || geo_dim === null) {
    throw new ExperimentError("invalid_layer", `${path}: decoupled attention needs sem_dim and geo_dim`);
  }
  const side = (name: "sem" | "geo", width: number, turn: boolean): Path => {
    let q = heads(pass, project(`q_${name}`, width), n_heads);
    let k = name === "sem" && config.tie_qk ? q : heads(pass, project(`k_${name}`, width), n_heads);
    if (turn) [q, k] = turned(pass, config, width / n_heads, q, k);
    return { q: graph.mul(q, 1 / Math.sqrt(width / n_heads)), k };
  };
  const semantic = side("sem", sem_dim, config.rope_enabled && config.rope_semantic);
  const geometric = side("geo", geo_dim, config.rope_enabled);
  if (!config.decoupled_gate) return [semantic, geometric];
  const zero = { kind: "constant", value: 0 } as const;
  let logit = graph.reshape(pass.parameter(under(path, "decoupled_gate_logit"), [n_heads], zero), [n_heads, 1, 1]);
  if (config.decoupled_gate_dynamic) {
    const sizes = { d_in: config.d_model, d_out: n_heads, bias: false, initial: zero };
    const perToken = linear(pass, under(path, "decoupled_gate_proj"), x, sizes);
    logit = graph.add(logit, graph.expand(graph.transpose(perToken, [0, 2, 1]), -1));
  }
  const gate = graph.mul(graph.unary("sigmoid", logit), 2);
  return [
    { q: graph.mul(semantic.q, gate), k: semantic.k },
    { q: graph.mul(geometric.q, graph.sub(2, gate)), k: geometric.k },
  ];
}

/** (batch, tokens, heads x width) as (batch, heads, tokens, width). */
function heads(pass: ForwardPass, x: Value, count: number): Value {
  const [batch = 1, tokens = 1, width = 1] = x.shape;
  return pass.graph.transpose(pass.graph.reshape(x, [batch, tokens, count, width / count]), [0, 2, 1, 3]);
}

/** Queries and keys turned by the positions of their tokens. */
function turned(pass: ForwardPass, config: AttentionConfig, width: number, q: Value, k: Value): [Value, Value] {
  const { graph, continuation } = pass;
  const tokens = q.shape[2] ?? 1;
  const length = continuation === undefined ? tokens : continuation.capacity + tokens;
  let tables = ropeTables(graph, length, width, config.rope_base, config.rope_scaling);
  if (continuation !== undefined) {
    const positions = graph.add(graph.iota([tokens], 0), continuation.position);
    tables = { cos: graph.take(tables.cos, positions, 0), sin: graph.take(tables.sin, positions, 0) };
  }
  return [rotate(graph, q, tables), rotate(graph, k, tables)];
}

/** All keys or values so far: what was kept, with this chunk in its place. Without a continuation, the chunk itself. */
function keep(pass: ForwardPass, name: string, chunk: Value): Value {
  const { graph, continuation } = pass;
  if (continuation === undefined) return chunk;
  const [batch = 1, count = 1, tokens = 1, width = 1] = chunk.shape;
  const before = pass.carried(name, [batch, count, continuation.capacity, width]);
  const place = graph.sub(graph.iota([continuation.capacity], 0), continuation.position);
  const isNew = graph.binary("and", graph.binary("ge", place, 0), graph.binary("lt", place, continuation.length));
  const inside = graph.binary("min", graph.binary("max", place, 0), tokens - 1);
  const spread = tokens === 1 ? chunk : graph.take(chunk, inside, 2);
  const all = graph.where(graph.reshape(isNew, [continuation.capacity, 1]), spread, before);
  pass.carry(name, all);
  return all;
}

/** Softmax of the scores, times the values; `start` is where the queries lie in this chunk. */
function attend(
  pass: ForwardPass,
  path: string,
  config: AttentionConfig,
  paths: readonly Path[],
  v: Value,
  start: number,
): Value {
  const { graph } = pass;
  const [batch = 1, n = 1, tokens = 1] = paths[0]?.q.shape ?? [];
  const [, kv = 1, seen = 1, width = 1] = v.shape;
  const group = n / kv;
  const scores = paths
    .map(({ q, k }) => {
      const grouped = graph.reshape(q, [batch, kv, group * tokens, q.shape[3] ?? 1]);
      return graph.dot(grouped, k, {
        left_contract: [3],
        right_contract: [3],
        left_batch: [0, 1],
        right_batch: [0, 1],
      });
    })
    .reduce((a, b) => graph.add(a, b));
  const square = graph.reshape(scores, [batch, n, tokens, seen]);
  const allowed = allowedKeys(pass, config, tokens, seen, start);
  // Added rather than chosen: a sum is part of the product that comes before it, and its gradient is nothing to compute.
  const masked = allowed === undefined ? square : graph.add(square, graph.where(allowed, 0, -1e9));
  if (config.null_attn) return attendWithNull(pass, path, config, paths, v, masked);
  // The softmax is divided by its sum after the values are mixed: fewer numbers by the ratio of tokens to the width.
  const { shares, total } = graph.unnormalizedSoftmax(masked, -1);
  const weights = graph.reshape(pass.dropout(shares, config.dropout_p), [batch, kv, group * tokens, seen]);
  const mixed = graph.reshape(graph.matmul(weights, v), [batch, n, tokens, width]);
  return graph.div(mixed, total);
}

/** Which keys (columns) each query (row) may see; undefined when it is all of them. */
function allowedKeys(
  pass: ForwardPass,
  config: AttentionConfig,
  tokens: number,
  seen: number,
  start: number,
): Value | undefined {
  const { graph, continuation } = pass;
  if (continuation !== undefined && !config.is_causal) {
    throw new ExperimentError("unsupported", "a sequence can only be continued when its attention is causal");
  }
  const window = config.local_window;
  if (!config.is_causal && window === null) return undefined;
  let query = graph.add(graph.iota([tokens, 1], 0), graph.full([], start, "int32"));
  if (continuation !== undefined) query = graph.add(query, continuation.position);
  const key = graph.iota([1, seen], 1);
  const rules: Value[] = [];
  if (config.is_causal) rules.push(graph.binary("le", key, query));
  if (window !== null) {
    rules.push(graph.binary("gt", key, graph.sub(query, window)));
    if (!config.is_causal) rules.push(graph.binary("lt", key, graph.add(query, window)));
  }
  return rules.reduce((a, b) => graph.binary("and", a, b));
}

/** The same with one more key and value per head, which belong to no token. */
function attendWithNull(
  pass: ForwardPass,
  path: string,
  config: AttentionConfig,
  paths: readonly Path[],
  v: Value,
  masked: Value,
): Value {
  const { graph } = pass;
  const [, n = 1, , seen = 1] = masked.shape;
  const learned = (name: string, width: number): Value =>
    pass.parameter(under(path, name), [n, width], { kind: "normal", std: 0.02 });
  const scores = paths
    .map(({ q }, i) =>
      graph.sum(
        graph.mul(q, graph.expand(learned(i === 0 ? "k_sem_null" : "k_geo_null", q.shape[3] ?? 1), 1)),
        [-1],
        true,
      ),
    )
    .reduce((a, b) => graph.add(a, b));
  const weights = pass.dropout(graph.softmax(graph.concat([scores, masked], -1), -1), config.dropout_p);
  const own = graph.mul(graph.slice(weights, -1, 0, 1), graph.expand(learned("v_null", v.shape[3] ?? 1), 1));
  return graph.add(own, graph.matmul(graph.slice(weights, -1, 1, seen + 1), v));
}
