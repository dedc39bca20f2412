import type { Axis } from "./axis.js";

export type Comparison = "better" | "worse" | "indistinguishable" | "incomparable";

function bounds<T>(item: T, axis: Axis<T>): { readonly low: number; readonly high: number } | null {
  const value = axis.value(item);
  if (value === null || Number.isNaN(value)) return null;
  return axis.interval?.(item) ?? { low: value, high: value };
}

/**
 * How `a` does against `b` on an axis: `better` or `worse` only where their intervals do not overlap, so the data tell
 * them apart; `indistinguishable` where they overlap or the values are equal; `incomparable` where one has no value.
 * Not overlapping is stricter than a test of the difference: it errs towards not telling apart.
 */
export function compareOn<T>(a: T, b: T, axis: Axis<T>): Comparison {
  const left = bounds(a, axis);
  const right = bounds(b, axis);
  if (left === null || right === null) return "incomparable";
  const sign = axis.better === "higher" ? 1 : -1;
  if (left.low > right.high) return sign > 0 ? "better" : "worse";
  if (left.high < right.low) return sign > 0 ? "worse" : "better";
  return "indistinguishable";
}

export interface Ranked<T> {
  readonly item: T;
  /** The best and the worst place this item may have, from 1; two items whose places overlap cannot be told apart for sure. */
  readonly rank: { readonly best: number; readonly worst: number };
}

export interface Ranking<T> {
  /** By value, the best first; equal ones in the order they came in. */
  readonly ranked: readonly Ranked<T>[];
  /** Items without a value on the axis: they have no place. */
  readonly unranked: readonly T[];
}

/**
 * Ranks items on one axis, each with the range of places the data leave open: its best place is 1 plus the number of
 * items that are better for sure, its worst leaves below it only those that are worse for sure.
 */
export function rankPoints<T>(items: Iterable<T>, axis: Axis<T>): Ranking<T> {
  const known: { readonly item: T; readonly low: number; readonly high: number; readonly value: number }[] = [];
  const unranked: T[] = [];
  const sign = axis.better === "higher" ? 1 : -1;
  for (const item of items) {
    const range = bounds(item, axis);
    if (range === null) unranked.push(item);
    else {
      const [low, high] = sign > 0 ? [range.low, range.high] : [-range.high, -range.low];
      known.push({ item, low, high, value: sign * (axis.value(item) ?? 0) });
    }
  }
  const lows = Float64Array.from(known, ({ low }) => low).sort();
  const highs = Float64Array.from(known, ({ high }) => high).sort();
  const ranked = [...known]
    .sort((a, b) => b.value - a.value)
    .map(({ item, low, high }) => ({
      item,
      rank: { best: 1 + known.length - countUpTo(lows, high), worst: known.length - countBelow(highs, low) },
    }));
  return { ranked, unranked };
}

/** How many values of a sorted list are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  return firstIndex(sorted, (value) => value > limit);
}

/** How many values of a sorted list are below `limit`. */
function countBelow(sorted: Float64Array, limit: number): number {
  return firstIndex(sorted, (value) => value >= limit);
}

function firstIndex(sorted: Float64Array, past: (value: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (past(sorted[middle] ?? Infinity)) high = middle;
    else low = middle + 1;
  }
  return low;
}
