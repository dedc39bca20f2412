/** 1 / (1 + e^-x), without overflow for large negative x. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** ln(1 + e^x), without overflow for large x. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

export function clamp(x: number, low: number, high: number): number {
  return Math.min(Math.max(x, low), high);
}

/** Derivative of `clamp`: 1 on the closed interval, 0 outside. */
export function clampSlope(x: number, low: number, high: number): number {
  return x >= low && x <= high ? 1 : 0;
}

/** The nearest integer; halves go to the even neighbour (IEEE 754 roundTiesToEven). */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const fraction = x - below;
  if (fraction !== 0.5) return fraction < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
