/** Order statistics of step times, by the contract's definitions; seconds, null where there is no sample. */
export interface StepStats {
  readonly count: number;
  readonly median_s: number | null;
  readonly p95_s: number | null;
  readonly min_s: number | null;
  readonly max_s: number | null;
}

/**
 * The contract's order statistics of step times in seconds: with the times sorted ascending, the median is the
 * element at `floor(n / 2)` (the upper one for even n) and p95 the element at `floor(0.95 * (n - 1))`. Both are
 * times that were measured, never an interpolation. Throws a RangeError for a time that is not finite.
 *
 * @example
 * stepStats([0.4, 0.1, 0.2, 0.3]); // { count: 4, median_s: 0.3, p95_s: 0.3, min_s: 0.1, max_s: 0.4 }
 */
export function stepStats(times_s: Float64Array | readonly number[]): StepStats {
  const sorted = Float64Array.from(times_s);
  if (!sorted.every(Number.isFinite)) throw new RangeError("stepStats: every step time must be a finite number");
  sorted.sort();
  const n = sorted.length;
  const at = (index: number): number | null => sorted[index] ?? null;
  return {
    count: n,
    median_s: at(Math.floor(n / 2)),
    p95_s: at(Math.floor(0.95 * (n - 1))),
    min_s: at(0),
    max_s: at(n - 1),
  };
}
