import { ExperimentError } from "../errors.js";
import type { HostArray } from "./npy.js";

/** What a system can take of its data, as far as it says so; null: anything. */
export interface DataLimits {
  /** Token ids are below. */
  readonly vocab_size: number | null;
  /** Labels are below. */
  readonly classes: number | null;
  /** The label that stands for none. */
  readonly ignore_index: number | null;
}

/** No limits. */
export const anyValues: DataLimits = { vocab_size: null, classes: null, ignore_index: null };

/** Throws `invalid_data` with the first number that is none, and its place: a loss over it would be no number either. */
export function checkFinite({ data, shape }: HostArray, name: string): void {
  if (data instanceof Int32Array) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new ExperimentError(
    "invalid_data",
    `${name}: expected finite numbers, found ${data[at]} at ${placeOf(at, shape)}`,
  );
}

/** Throws `invalid_data` with the first token id that no row of the embedding has. */
export function checkIds(tokens: Int32Array, { vocab_size }: DataLimits, name: string): void {
  if (vocab_size === null) return;
  const at = tokens.findIndex((id) => id < 0 || id >= vocab_size);
  if (at < 0) return;
  throw new ExperimentError(
    "invalid_data",
    `${name}: expected token ids below the vocab_size ${vocab_size}, found ${tokens[at]} at ${at}: another tokenizer made them`,
  );
}

/** Throws `invalid_data` with the first label that is no class; scores of classes that are not there cost nothing. */
export function checkLabels({ data, shape }: HostArray, { classes, ignore_index }: DataLimits, name: string): void {
  if (classes === null || !(data instanceof Int32Array)) return;
  const at = data.findIndex((label) => label !== ignore_index && (label < 0 || label >= classes));
  if (at < 0) return;
  throw new ExperimentError(
    "invalid_data",
    `${name}: expected labels from 0 to ${classes - 1}, found ${data[at]} at ${placeOf(at, shape)}`,
  );
}

/** A place in an array: `(3, 1)` for row 3, column 1. */
function placeOf(at: number, shape: readonly number[]): string {
  const place: number[] = [];
  let left = at;
  for (const size of [...shape].reverse()) {
    place.unshift(left % size);
    left = Math.floor(left / size);
  }
  return place.length === 1 ? String(place[0]) : `(${place.join(", ")})`;
}
