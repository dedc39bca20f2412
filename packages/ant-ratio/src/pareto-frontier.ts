import type { Axis } from "./axis.js";
import { AntRatioError } from "./errors.js";
import { lexicographicOrder } from "./internal/lexicographic-order.js";

/** A point that another one beats: at least as good on every axis, better on those in `on`. */
export interface Dominated<T> {
  readonly point: T;
  /** A point of the frontier. */
  readonly by: T;
  /** The keys of the axes on which `by` is better. */
  readonly on: readonly string[];
}

export interface Frontier<T> {
  /** Points that none beats, in the order they came in; equal points are all here. */
  readonly frontier: readonly T[];
  readonly dominated: readonly Dominated<T>[];
  /** Points without a value on some axis, and which. */
  readonly incomparable: readonly { readonly point: T; readonly missing: readonly string[] }[];
}

/**
 * The Pareto frontier over any number of axes: the points that no other point beats. A point without a value on an axis
 * is set apart, never taken for 0. For two axes n log n operations; for more, each point meets the frontier so far.
 * Throws `invalid_argument` for no axis and for two of one key.
 *
 * @example
 * paretoFrontier(runs, [
 *   { key: "speed", better: "higher", value: (run) => run.tokens_per_s },
 *   { key: "memory", better: "lower", value: (run) => run.bytes },
 * ]).frontier;
 */
export function paretoFrontier<T>(items: Iterable<T>, axes: readonly Axis<T>[]): Frontier<T> {
  const keys = axes.map(({ key }) => key);
  if (axes.length === 0 || new Set(keys).size !== keys.length) {
    throw new AntRatioError(
      "invalid_argument",
      `axes: expected at least one and no key twice, found [${keys.join(", ")}]`,
    );
  }
  const points: T[] = [];
  const incomparable: { readonly point: T; readonly missing: readonly string[] }[] = [];
  const costs: number[] = [];
  for (const point of items) {
    const before = costs.length;
    let missing: string[] | null = null;
    for (const { key, better, value } of axes) {
      const v = value(point);
      if (v === null || Number.isNaN(v)) (missing ??= []).push(key);
      // Less is better from here on; adding 0 makes one zero of the two.
      else costs.push((better === "higher" ? -v : v) + 0);
    }
    if (missing === null) points.push(point);
    else {
      incomparable.push({ point, missing });
      costs.length = before;
    }
  }
  const width = axes.length;
  const table = Float64Array.from(costs);
  const by = dominators(table, points.length, width);
  const frontier: T[] = [];
  const dominated: Dominated<T>[] = [];
  // Few sets of axes are ever needed, and a million points share them.
  const sets = new Map<string, readonly string[]>();
  const betterOn = (a: number, b: number): readonly string[] => {
    let name = "";
    for (let k = 0; k < width; k++) name += at(table, a, k, width) < at(table, b, k, width) ? "1" : "0";
    let on = sets.get(name);
    if (on === undefined) {
      on = Object.freeze(keys.filter((_, k) => name[k] === "1"));
      sets.set(name, on);
    }
    return on;
  };
  for (const [i, point] of points.entries()) {
    const winner = by[i] ?? -1;
    const beaten = winner < 0 ? undefined : points[winner];
    if (beaten === undefined) frontier.push(point);
    else dominated.push({ point, by: beaten, on: betterOn(winner, i) });
  }
  return { frontier, dominated, incomparable };
}

function at(table: Float64Array, point: number, axis: number, width: number): number {
  return table[point * width + axis] ?? Number.NaN;
}

/** For each point a point of the frontier that beats it, or -1. */
function dominators(table: Float64Array, n: number, width: number): Int32Array {
  // Whoever beats a point comes before it in lexicographic order.
  const order = lexicographicOrder(table, n, width);
  return width <= 2 ? sweep(table, order, width) : insertion(table, order, width);
}

/** One pass in order: the best last cost so far tells whether a point is beaten. */
function sweep(table: Float64Array, order: Uint32Array, width: number): Int32Array {
  const by = new Int32Array(order.length).fill(-1);
  let best = -1;
  for (const point of order) {
    if (best < 0) {
      best = point;
      continue;
    }
    const gain = at(table, point, width - 1, width) - at(table, best, width - 1, width);
    const same = gain === 0 && at(table, point, 0, width) === at(table, best, 0, width);
    if (gain < 0) best = point;
    else if (!same) by[point] = best;
  }
  return by;
}

/** Each point against the frontier so far, the last that won first: it tends to win again. */
function insertion(table: Float64Array, order: Uint32Array, width: number): Int32Array {
  const by = new Int32Array(order.length).fill(-1);
  const frontier: number[] = [];
  for (const point of order) {
    const place = frontier.findIndex((candidate) => beats(table, candidate, point, width));
    const winner = frontier[place];
    if (winner === undefined) {
      frontier.push(point);
      continue;
    }
    by[point] = winner;
    if (place > 0) {
      const before = frontier[place - 1] ?? winner;
      frontier[place - 1] = winner;
      frontier[place] = before;
    }
  }
  return by;
}

function beats(table: Float64Array, a: number, b: number, width: number): boolean {
  let better = false;
  for (let k = 0; k < width; k++) {
    const difference = at(table, a, k, width) - at(table, b, k, width);
    if (difference > 0) return false;
    if (difference < 0) better = true;
  }
  return better;
}
