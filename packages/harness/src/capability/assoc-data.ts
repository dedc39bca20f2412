import { createHash } from "node:crypto";
import { randomStream } from "@vrx/ring-engine";
import { HarnessError } from "../errors.js";
import type { AssocTask } from "./assoc-task.js";

/** One sample: pairs of a key and a value in empty places, a key at the end, and that key's value as the answer. */
export interface AssocSample {
  /** One number per position: 0 is empty, 2 + key a key, -(1 + value) the value in the next position. */
  readonly x: Float32Array;
  readonly y: number;
}

/** `count` different numbers below `limit`, in the order they are drawn, from the draws that begin at `first`. */
function drawDifferent(draw: (index: number) => number, first: number, count: number, limit: number): number[] {
  // The start of a Fisher-Yates shuffle that only remembers what it has moved.
  const moved = new Map<number, number>();
  return Array.from({ length: count }, (_, i) => {
    const at = i + Math.floor(draw(first + i) * (limit - i));
    const drawn = moved.get(at) ?? at;
    moved.set(at, moved.get(i) ?? i);
    return drawn;
  });
}

/**
 * The sample of an index, the same for a seed on every machine. Every placement of the pairs without overlap, every
 * choice of different keys, and every value are equally likely.
 */
export function assocSample(task: AssocTask, length: number, seed: number, index: number): AssocSample {
  const { keys, pairs, values } = task;
  const stream = randomStream(seed, "data", index);
  const uniform = (draw: number): number => stream.uniform(draw);
  // A choice of `pairs` among the places that are left when each pair is one place; then each is stretched to two.
  const starts = drawDifferent(uniform, 0, pairs, length - 1 - pairs)
    .sort((a, b) => a - b)
    .map((place, i) => place + i);
  const chosen = drawDifferent(uniform, pairs, pairs, keys);
  const x = new Float32Array(length);
  const answers: number[] = [];
  for (const [i, start] of starts.entries()) {
    const value = Math.floor(uniform(2 * pairs + i) * values);
    x[start] = 2 + (chosen[i] ?? 0);
    x[start + 1] = -(value + 1);
    answers.push(value);
  }
  const asked = Math.floor(uniform(3 * pairs) * pairs);
  x[length - 1] = 2 + (chosen[asked] ?? 0);
  return { x, y: answers[asked] ?? 0 };
}

/** SHA-256 over the data of a sample, answer included. */
export function sampleHash({ x, y }: AssocSample): string {
  return createHash("sha256")
    .update(new Uint8Array(x.buffer, x.byteOffset, x.byteLength))
    .update(`:${y}`)
    .digest("base64");
}

/** Whether the keys shown in a sample all differ. */
export function hasUniqueKeys({ x }: AssocSample): boolean {
  const keys = Array.from(x.subarray(0, -1)).filter((token) => token > 0);
  return new Set(keys).size === keys.length;
}

export interface AssocData {
  readonly train: readonly AssocSample[];
  readonly evaluation: readonly AssocSample[];
  readonly overlap: { readonly shared: number; readonly train_distinct: number; readonly eval_distinct: number };
  readonly unique_keys: boolean;
}

/** Draws of one evaluation sample before the task counts as too small for a separate set. */
const MAX_REDRAWS = 1000;

/**
 * Training and evaluation sets of separate seeds. An evaluation sample whose data is in the training set is drawn again
 * until it is not; where that does not end the task has too few different samples, and `invalid_argument` says so. What
 * the sets share is then counted over the data, not taken from how they were made.
 */
export function assocData(task: AssocTask, length: number, train_seed: number, eval_seed: number): AssocData {
  const train = Array.from({ length: task.train_samples }, (_, i) => assocSample(task, length, train_seed, i));
  const known = new Set(train.map(sampleHash));
  const evaluation = Array.from({ length: task.eval_samples }, (_, i) => {
    for (let redraw = 0; redraw < MAX_REDRAWS; redraw++) {
      const sample = assocSample(task, length, eval_seed, i + redraw * task.eval_samples);
      if (!known.has(sampleHash(sample))) return sample;
    }
    throw new HarnessError(
      "invalid_argument",
      `task: ${known.size} training samples leave too few others for a separate evaluation set: ` +
        "ask for fewer train_samples, or more keys, values or positions",
    );
  });
  const hashes = evaluation.map(sampleHash);
  return {
    train,
    evaluation,
    overlap: {
      shared: hashes.filter((hash) => known.has(hash)).length,
      train_distinct: known.size,
      eval_distinct: new Set(hashes).size,
    },
    unique_keys: [...train, ...evaluation].every(hasUniqueKeys),
  };
}
