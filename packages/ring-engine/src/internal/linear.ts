import { addAt, addScaled, at, dot, row } from "./vector.js";

/** y = weight x + bias; `weight` is [bias.length, x.length] row-major. */
export interface Linear {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

export function linearForward({ weight, bias }: Linear, x: Float64Array): Float64Array {
  return bias.map((offset, i) => offset + dot(row(weight, i, x.length), x));
}

/** Adds to `gradient` what dL/dy contributes to the weights and biases, and to `dx` what it contributes to the input. */
export function linearBackward(
  { weight }: Linear,
  x: Float64Array,
  dy: Float64Array,
  gradient: Linear,
  dx: Float64Array | null,
): void {
  for (let i = 0; i < dy.length; i++) {
    const slope = at(dy, i);
    addAt(gradient.bias, i, slope);
    addScaled(row(gradient.weight, i, x.length), slope, x);
    if (dx !== null) addScaled(dx, slope, row(weight, i, x.length));
  }
}
