import { randomStream } from "@vrx/ring-engine";

/**
 * A permutation of 0 to `count` - 1 that follows from the seed and the epoch, place by place, without a list: a Feistel
 * network over the next power of four, walked until the number is in range (Black, Rogaway: Ciphers with arbitrary
 * finite domains, 2002).
 */
export function shuffledIndex(seed: number, epoch: number, place: number, count: number): number {
  const keys = keysOf(seed, epoch);
  const half = Math.max(1, Math.ceil(Math.log2(Math.max(2, count)) / 2));
  const mask = 2 ** half - 1;
  let index = place;
  do {
    let [left, right] = [Math.floor(index / 2 ** half), index & mask];
    for (const key of keys) [left, right] = [right, left ^ (mix(right, key) & mask)];
    index = left * 2 ** half + right;
  } while (index >= count);
  return index;
}

let last: { readonly seed: number; readonly epoch: number; readonly keys: readonly number[] } | undefined;

function keysOf(seed: number, epoch: number): readonly number[] {
  if (last?.seed !== seed || last.epoch !== epoch) {
    const random = randomStream(seed, "data", `order of epoch ${epoch}`);
    last = { seed, epoch, keys: [0, 1, 2, 3, 4, 5].map((i) => Math.floor(random.uniform(i) * 2 ** 32)) };
  }
  return last.keys;
}

/** The finalizer of MurmurHash3 over a number and a key. */
function mix(value: number, key: number): number {
  let hash = value ^ key;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
