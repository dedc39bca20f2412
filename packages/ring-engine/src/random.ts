import { RingEngineError } from "./errors.js";
import { normalQuantile } from "./internal/exact-normal.js";
import { philox4x32 } from "./internal/philox.js";
import { at } from "./internal/vector.js";

/** Name and version of the generator: a change of any number it gives changes this. */
export const RANDOM_GENERATOR = "philox4x32-10/as241/1";

/** What random numbers are for; each purpose draws from its own stream. */
export type RandomPurpose = "data" | "labels" | "pointers" | "initial_values" | "state_loop_projection";

const PURPOSE_WORD: Readonly<Record<RandomPurpose, number>> = {
  data: 1,
  labels: 2,
  pointers: 3,
  initial_values: 4,
  state_loop_projection: 5,
};

/** Numbers by their index: the same index always gives the same number, in any order and on any machine. */
export interface RandomStream {
  /** 52 random bits as a number strictly between 0 and 1. */
  uniform(index: number): number;
  /** 24 random bits as a number in [0, 1), exact in float32. */
  uniform24(index: number): number;
  /** A standard normal variate, from `uniform` by inversion. */
  normal(index: number): number;
}

/** FNV-1a over the UTF-16 code units, 32 bits. */
function wordOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Throws `invalid_argument` unless `seed` is an integer from 0 to 2^53 - 1. */
export function checkSeed(seed: number): void {
  if (Number.isSafeInteger(seed) && seed >= 0) return;
  throw new RingEngineError("invalid_argument", `seed: expected an integer from 0 to 2^53 - 1, found ${seed}`);
}

/**
 * The stream of a seed for one purpose; `part` tells apart steps (by number, below 2^32) or parameters (by name).
 * Philox4x32-10 keyed by the seed; two words of a block make one number.
 */
export function randomStream(seed: number, purpose: RandomPurpose, part: number | string): RandomStream {
  checkSeed(seed);
  if (typeof part === "number" && !(Number.isInteger(part) && part >= 0 && part < 2 ** 32)) {
    throw new RingEngineError("invalid_argument", `step: expected an integer from 0 to 2^32 - 1, found ${part}`);
  }
  const key0 = seed >>> 0;
  const key1 = Math.floor(seed / 2 ** 32);
  const partWord = typeof part === "string" ? wordOf(part) : part;
  const purposeWord = PURPOSE_WORD[purpose];
  const words = new Uint32Array(4);
  let block = -1;
  /** Makes the block of an index current and says where in it the index has its two words. */
  const seek = (index: number): number => {
    const wanted = Math.floor(index / 2);
    if (wanted !== block) {
      philox4x32(words, wanted >>> 0, Math.floor(wanted / 2 ** 32), partWord, purposeWord, key0, key1);
      block = wanted;
    }
    return index % 2 === 0 ? 0 : 2;
  };
  const uniform = (index: number): number => {
    const place = seek(index);
    return ((at(words, place) >>> 6) * 2 ** 26 + (at(words, place + 1) >>> 6) + 0.5) * 2 ** -52;
  };
  return {
    uniform,
    uniform24: (index) => (at(words, seek(index)) >>> 8) * 2 ** -24,
    normal: (index) => normalQuantile(uniform(index)),
  };
}
