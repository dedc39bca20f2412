/** A seeded generator: `random(n)` is an integer in [0, n). */
export declare function seeded(seed: number): (below: number) => number;
/** One to eight small changes, some of them with pieces of another input. */
export declare function mutate(
  random: (below: number) => number,
  input: Buffer,
  other: Buffer,
  maxBytes: number,
): Buffer;
