import { wrapDistance } from "./ring-positions.js";
import { type Numbers, at } from "./vector.js";

function largest(values: Numbers): number {
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

/** max|found - expected| / max|expected|; Infinity where a value is not a number or lengths differ. */
export function relativeError(found: Numbers, expected: Numbers): number {
  if (found.length !== expected.length) return Infinity;
  return ratio(largest(Float64Array.from(found, (value, i) => value - at(expected, i))), largest(expected));
}

/** The same for positions on a ring, whose ends are neighbours. */
export function ringError(found: Float64Array, expected: Float64Array, ring_len: number): number {
  if (found.length !== expected.length) return Infinity;
  return ratio(largest(found.map((value, i) => wrapDistance(at(expected, i), value, ring_len))), largest(expected));
}

/** The same for Euclidean norms. */
export function relativeNormError(found: Float64Array, expected_norm: number): number {
  const norm = Math.sqrt(found.reduce((sum, value) => sum + value * value, 0));
  return relativeError(Float64Array.of(norm), Float64Array.of(expected_norm));
}

/** The largest of some errors, null of none. */
export function worst(errors: readonly number[]): number | null {
  return errors.length === 0 ? null : Math.max(...errors);
}
