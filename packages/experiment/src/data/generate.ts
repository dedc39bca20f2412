import type { DataConfig, TokenPreparation } from "@vrx/manifest";
import { type RandomStream, randomStream } from "@vrx/ring-engine";
import { ExperimentError } from "../errors.js";
import type { Batch, LossReference } from "./dataset.js";
import type { HostArray } from "./npy.js";

/** Generated data: files by role, and what is possible on a batch of them. */
export interface Generated {
  readonly arrays: Readonly<Record<string, HostArray>>;
  readonly reference: (batch: Batch) => LossReference;
}

type TokensRecipe = Extract<TokenPreparation, { type: "generate" }>;
type Recipe<K extends "dataset.npy_supervised" | "dataset.graph_npy" | "dataset.diffusion_vector"> = NonNullable<
  DataConfig<K>["prepare"]
> & { readonly type: "generate" };
export type ClassesRecipe = Recipe<"dataset.npy_supervised">;
export type GraphRecipe = Recipe<"dataset.graph_npy">;
export type MixtureRecipe = Recipe<"dataset.diffusion_vector">;
export type { TokensRecipe };

const draw = (seed: number, part: string): RandomStream => randomStream(seed, "data", part);

/**
 * A text: the next token depends on the last `order` ones, which allow `branching` tokens with fixed probabilities
 * (`markov`), or pairs of tokens come twice, the second time in another order (`associations`). The floor is the
 * cross-entropy of whoever knows the rule and sees the batch; guessing is the entropy of the tokens by themselves.
 */
export function generateTokens(recipe: TokensRecipe): Generated {
  const tokens = recipe.kind === "markov" ? markovText(recipe) : associationText(recipe);
  const counts = new Float64Array(recipe.vocab_size);
  for (const token of tokens) counts[token] = (counts[token] ?? 0) + 1;
  const shares = counts.map((count) => count / tokens.length);
  const guessing = -shares.reduce((sum, share) => (share === 0 ? sum : sum + share * Math.log(share)), 0);
  return {
    arrays: { path: { shape: [tokens.length], data: tokens } },
    reference: (batch) => ({
      guessing,
      floor: recipe.kind === "markov" ? markovFloor(recipe, batch) : associationFloor(recipe, batch),
    }),
  };
}

/** Probabilities of the tokens that may follow a context; they follow from the seed and the context alone. */
function followers(
  { seed, branching, vocab_size: vocab }: TokensRecipe,
  context: readonly number[],
): { readonly token: number; readonly probability: number }[] {
  const random = draw(seed, `after ${context.join(" ")}`);
  const weights = new Map<number, number>();
  for (let i = 0; weights.size < Math.min(branching, vocab); i += 2) {
    const token = Math.floor(random.uniform(i) * vocab);
    if (!weights.has(token)) weights.set(token, -Math.log(random.uniform(i + 1)));
  }
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  return [...weights].map(([token, weight]) => ({ token, probability: weight / total }));
}

/** `followers`, each context once. */
function memory(recipe: TokensRecipe): (context: readonly number[]) => ReturnType<typeof followers> {
  const known = new Map<string, ReturnType<typeof followers>>();
  return (context) => {
    const key = context.join(" ");
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = followers(recipe, context)));
    return value;
  };
}

function markovText(recipe: TokensRecipe): Int32Array {
  const { seed, order, tokens: count, vocab_size: vocab } = recipe;
  const random = draw(seed, "text");
  const after = memory(recipe);
  const tokens = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    if (i < order) {
      tokens[i] = Math.floor(random.uniform(i) * vocab);
      continue;
    }
    let left = random.uniform(i);
    const choices = after([...tokens.subarray(i - order, i)]);
    const chosen = choices.find(({ probability }) => (left -= probability) < 0) ?? choices.at(-1);
    tokens[i] = chosen?.token ?? 0;
  }
  return tokens;
}

function markovFloor(recipe: TokensRecipe, batch: Batch): number {
  const { ids, targets, rows, length } = textOf(batch);
  const after = memory(recipe);
  let [sum, count] = [0, 0];
  for (let row = 0; row < rows; row++) {
    for (let t = recipe.order - 1; t < length; t++) {
      const at = row * length + t;
      const target = targets[at];
      const context = [...ids.subarray(at - recipe.order + 1, at + 1)];
      const probability = after(context).find(({ token }) => token === target)?.probability;
      // Where two texts meet, the rule does not hold.
      if (probability === undefined) continue;
      sum -= Math.log(probability);
      count++;
    }
  }
  return sum / count;
}

const PAIRS = 8;

/** Segments of pairs (key, value), then the same pairs again in another order. */
function associationText({ seed, tokens: count, vocab_size: vocab }: TokensRecipe): Int32Array {
  const random = draw(seed, "text");
  const half = Math.floor(vocab / 2);
  if (half < PAIRS) {
    throw new ExperimentError(
      "invalid_data",
      `associations need a vocabulary of at least ${2 * PAIRS}, found ${vocab}`,
    );
  }
  const tokens: number[] = [];
  let next = 0;
  const below = (limit: number): number => Math.floor(random.uniform(next++) * limit);
  const shuffled = (items: number[]): number[] => {
    for (let i = items.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [items[i], items[j]] = [items[j] ?? 0, items[i] ?? 0];
    }
    return items;
  };
  while (tokens.length < count) {
    const keys = shuffled(Array.from({ length: half }, (_, i) => i)).slice(0, PAIRS);
    const values = new Map(keys.map((key) => [key, half + below(vocab - half)]));
    for (const key of keys) tokens.push(key, values.get(key) ?? 0);
    for (const key of shuffled([...keys])) tokens.push(key, values.get(key) ?? 0);
  }
  return Int32Array.from(tokens.slice(0, count));
}

/** Keys and values are new in the first half of a segment; in the second, keys are left over and values are known. */
function associationFloor({ vocab_size: vocab }: TokensRecipe, batch: Batch): number {
  const { targets } = textOf(batch);
  const half = Math.floor(vocab / 2);
  let sum = 0;
  for (let i = 0; i < PAIRS; i++) sum += Math.log(half - i) + Math.log(vocab - half) + Math.log(PAIRS - i);
  return targets.length === 0 ? NaN : sum / (4 * PAIRS);
}

function textOf(batch: Batch): { ids: Int32Array; targets: Int32Array; rows: number; length: number } {
  const ids = batch["input_ids"];
  const targets = batch["target_ids"];
  if (!(ids?.data instanceof Int32Array) || !(targets?.data instanceof Int32Array)) {
    throw new ExperimentError("missing_key", "a batch of text has input_ids and target_ids");
  }
  const [rows = 1, length = 1] = ids.shape;
  return { ids: ids.data, targets: targets.data, rows, length };
}

/** Directions of length 1, one per class, so that two of them are about `spread` apart once scaled. */
function centres(seed: number, classes: number, width: number, spread: number): Float64Array[] {
  return Array.from({ length: classes }, (_, k) => {
    const random = draw(seed, `centre ${k}`);
    const direction = Float64Array.from({ length: width }, (_, i) => random.normal(i));
    const norm = Math.hypot(...direction);
    return direction.map((value) => (value / norm) * (spread / Math.SQRT2));
  });
}

/** log p(x | k) up to a constant that all classes share, for unit noise around each centre. */
function logLikelihoods(x: ArrayLike<number>, start: number, means: readonly Float64Array[]): number[] {
  return means.map((mean) => {
    let sum = 0;
    for (let i = 0; i < mean.length; i++) sum -= 0.5 * ((x[start + i] ?? 0) - (mean[i] ?? 0)) ** 2;
    return sum;
  });
}

function normalized(logs: readonly number[]): number[] {
  const highest = Math.max(...logs);
  const total = logs.reduce((sum, log) => sum + Math.exp(log - highest), 0);
  return logs.map((log) => Math.exp(log - highest) / total);
}

/** What whoever knows the true posterior reaches on these labels; `weights` says which of them count. */
function classReference(
  posterior: readonly (readonly number[])[],
  labels: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
  classes: number,
): LossReference {
  let [loss, right, count] = [0, 0, 0];
  for (const [n, probabilities] of posterior.entries()) {
    const weight = weights?.[n] ?? 1;
    const label = labels[n] ?? 0;
    loss -= weight * Math.log(probabilities[label] ?? 0);
    if (probabilities.indexOf(Math.max(...probabilities)) === label) right += weight;
    count += weight;
  }
  return {
    floor: loss / count,
    guessing: Math.log(classes),
    best_accuracy: right / count,
    guessing_accuracy: 1 / classes,
  };
}

/** Vectors around the centre of their class, with unit noise. The floor is the cross-entropy of the true posterior. */
export function generateClasses(recipe: ClassesRecipe): Generated {
  const { seed, samples, shape, classes, spread } = recipe;
  const width = shape.reduce((a, b) => a * b, 1);
  const means = centres(seed, classes, width, spread);
  const x = new Float32Array(samples * width);
  const y = new Int32Array(samples);
  const labels = draw(seed, "labels");
  const noise = draw(seed, "noise");
  for (let n = 0; n < samples; n++) {
    const label = Math.floor(labels.uniform(n) * classes);
    y[n] = label;
    for (let i = 0; i < width; i++) x[n * width + i] = (means[label]?.[i] ?? 0) + noise.normal(n * width + i);
  }
  return {
    arrays: { x_path: { shape: [samples, ...shape], data: x }, y_path: { shape: [samples], data: y } },
    reference: (batch) => {
      const inputs = batch["inputs"]?.data ?? new Float32Array();
      const targets = batch["targets"]?.data ?? new Int32Array();
      const posterior = Array.from(targets, (_, n) => normalized(logLikelihoods(inputs, n * width, means)));
      return classReference(posterior, targets, undefined, classes);
    },
  };
}

/** The share of a generated graph's nodes that its masks hold out. */
const GRAPH_HELD_OUT = 0.25;

/**
 * A graph of communities with features around the centre of each node's community. The floor is the cross-entropy of
 * what whoever knows how the graph was made believes after seeing all of it but the labels.
 */
export function generateGraph(recipe: GraphRecipe): Generated {
  const { seed, nodes, features, classes, edges_inside, edges_outside, spread } = recipe;
  const means = centres(seed, classes, features, spread);
  const labels = draw(seed, "labels");
  const noise = draw(seed, "noise");
  const edges = draw(seed, "edges");
  const y = Int32Array.from({ length: nodes }, (_, n) => Math.floor(labels.uniform(n) * classes));
  const x = Float32Array.from(
    { length: nodes * features },
    (_, i) => (means[y[Math.floor(i / features)] ?? 0]?.[i % features] ?? 0) + noise.normal(i),
  );
  const inside = Math.min(1, edges_inside / Math.max(1, nodes / classes));
  const outside = Math.min(1, edges_outside / Math.max(1, nodes - nodes / classes));
  const adjacency = new Float32Array(nodes * nodes);
  for (let a = 0; a < nodes; a++) {
    for (let b = a + 1; b < nodes; b++) {
      if (edges.uniform(a * nodes + b) >= (y[a] === y[b] ? inside : outside)) continue;
      adjacency[a * nodes + b] = 1;
      adjacency[b * nodes + a] = 1;
    }
  }
  const masks = draw(seed, "masks");
  const held = Int32Array.from({ length: nodes }, (_, n) => Number(masks.uniform(n) < GRAPH_HELD_OUT));
  const own = Array.from({ length: nodes }, (_, n) => normalized(logLikelihoods(x, n * features, means)));
  const posterior = beliefs(own, adjacency, inside, outside);
  return {
    arrays: {
      x_path: { shape: [nodes, features], data: x },
      adj_path: { shape: [nodes, nodes], data: adjacency },
      labels_path: { shape: [nodes], data: y },
      train_mask_path: { shape: [nodes], data: held.map((value) => 1 - value) },
      val_mask_path: { shape: [nodes], data: held },
    },
    reference: (batch) => {
      return classReference(posterior, y, batch["counts"]?.data, classes);
    },
  };
}

/** Rounds after which beliefs about a small graph no longer change. */
const ROUNDS = 20;

/**
 * What each node's community is by its own features and everybody else's: belief propagation over the edges of a
 * stochastic block model (Decelle, Krzakala, Moore, Zdeborová, 2011; edges that are not there say little in a sparse
 * graph and are left out).
 */
function beliefs(own: readonly number[][], adjacency: Float32Array, inside: number, outside: number): number[][] {
  const nodes = own.length;
  const neighbours = own.map((_, n) =>
    Array.from({ length: nodes }, (__, m) => m).filter((m) => adjacency[n * nodes + m] === 1),
  );
  let messages = new Map<number, number[]>();
  const told = (from: number, to: number): number[] => {
    const belief = messages.get(from * nodes + to) ?? own[from] ?? [];
    return belief.map((p) => Math.log(inside * p + outside * (1 - p)));
  };
  const combined = (n: number, except: number): number[] => {
    const logs = (own[n] ?? []).map((p) => Math.log(p + 1e-300));
    for (const m of neighbours[n] ?? [])
      if (m !== except) for (const [k, log] of told(m, n).entries()) logs[k] = (logs[k] ?? 0) + log;
    return normalized(logs);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Map<number, number[]>();
    for (let n = 0; n < nodes; n++) for (const m of neighbours[n] ?? []) next.set(n * nodes + m, combined(n, m));
    messages = next;
  }
  return own.map((_, n) => combined(n, -1));
}

/** The levels of noise of a diffusion: the share of the signal that is left after each step. */
export function signalShares(timesteps: number): Float64Array {
  let product = 1;
  return Float64Array.from({ length: timesteps }, (_, t) => {
    const beta = timesteps === 1 ? 1e-4 : 1e-4 + ((2e-2 - 1e-4) * t) / (timesteps - 1);
    return (product *= 1 - beta);
  });
}

/** Points of a mixture of Gaussians of unit width. The floor is what is left of the noise for whoever knows the mixture. */
export function generateMixture(recipe: MixtureRecipe, timesteps: number): Generated {
  const { seed, samples, d, modes, spread } = recipe;
  const means = centres(seed, modes, d, spread);
  const choice = draw(seed, "labels");
  const noise = draw(seed, "noise");
  const x = new Float32Array(samples * d);
  for (let n = 0; n < samples; n++) {
    const mean = means[Math.floor(choice.uniform(n) * modes)];
    for (let i = 0; i < d; i++) x[n * d + i] = (mean?.[i] ?? 0) + noise.normal(n * d + i);
  }
  const shares = signalShares(timesteps);
  return {
    arrays: { x_path: { shape: [samples, d], data: x } },
    reference: (batch) => {
      const noisy = batch["x_t"]?.data ?? new Float32Array();
      const levels = batch["t"]?.data ?? new Int32Array();
      const eps = batch["eps"]?.data ?? new Float32Array();
      let sum = 0;
      for (const [n, t] of levels.entries()) {
        const share = shares[t] ?? 1;
        // Signal and noise both have unit width around sqrt(share) times a centre, and so has their sum.
        const at = means.map((mean) => mean.map((value) => value * Math.sqrt(share)));
        const weights = normalized(logLikelihoods(noisy, n * d, at));
        for (let i = 0; i < d; i++) {
          const away = weights.reduce((total, w, k) => total + w * ((noisy[n * d + i] ?? 0) - (at[k]?.[i] ?? 0)), 0);
          sum += ((eps[n * d + i] ?? 0) - Math.sqrt(1 - share) * away) ** 2;
        }
      }
      return { floor: sum / (levels.length * d), guessing: 1 };
    },
  };
}
