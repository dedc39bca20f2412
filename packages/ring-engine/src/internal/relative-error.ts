import { wrapDistance } from "./ring-positions.js";
import { type Numbers, at } from "./vector.js";

/** max|values|, Infinity where one is not a number. */
export function largestMagnitude(values: Numbers): number {
  let found = 0;
  for (const value of values) {
    if (Number.isNaN(value)) return Infinity;
    found = Math.max(found, Math.abs(value));
  }
  return found;
}

/** Differences over the largest expected magnitude; where all that was expected is zero, the differences themselves. */
function ratio(difference: number, scale: number): number {
  return scale === 0 ? difference : difference / scale;
}

/**
 * max|found - expected| / max|expected|; Infinity where a value is not a number or lengths differ. Differences up to
 * `rounding` do not count.
 */
export function relativeError(found: Numbers, expected: Numbers, rounding = 0): number {
  if (found.length !== expected.length) return Infinity;
  const difference = largestMagnitude(Float64Array.from(found, (value, i) => value - at(expected, i)));
  return difference <= rounding ? 0 : ratio(difference, largestMagnitude(expected));
}

/** The same for positions on a ring, whose ends are neighbours. */
export function ringError(found: Float64Array, expected: Float64Array, ring_len: number): number {
  if (found.length !== expected.length) return Infinity;
  return ratio(
    largestMagnitude(found.map((value, i) => wrapDistance(at(expected, i), value, ring_len))),
    largestMagnitude(expected),
  );
}

export function euclideanNorm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/** The same for Euclidean norms. */
export function relativeNormError(found: Float64Array, expected_norm: number, rounding = 0): number {
  return relativeError(Float64Array.of(euclideanNorm(found)), Float64Array.of(expected_norm), rounding);
}

/** The largest of some errors, null of none. */
export function worst(errors: readonly number[]): number | null {
  return errors.length === 0 ? null : Math.max(...errors);
}
