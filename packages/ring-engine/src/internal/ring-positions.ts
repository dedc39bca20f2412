/** Positions on a ring of `ring_len` slots: real numbers in [0, ring_len), where ring_len is 0 again. */

/** The floor modulo: the result has the sign of `modulus`. */
export function floorMod(x: number, modulus: number): number {
  const remainder = x % modulus;
  return remainder < 0 ? remainder + modulus : remainder;
}

/** The signed way from `from` to `to`, the shorter way round, in [-ring_len / 2, ring_len / 2). */
export function wrapDistance(from: number, to: number, ring_len: number): number {
  return floorMod(to - from + ring_len / 2, ring_len) - ring_len / 2;
}

/** The position a share `weight` of the way from `from` to `to`. */
export function ringLerp(from: number, to: number, weight: number, ring_len: number): number {
  return floorMod(from + weight * wrapDistance(from, to, ring_len), ring_len);
}

/** The slot a position lies in. */
export function slotOf(position: number, ring_len: number): number {
  return Math.min(Math.max(Math.floor(position), 0), ring_len - 1);
}
