import { sigmoid } from "./scalar.js";
import { type Linear, linearBackward, linearForward } from "./linear.js";
import { at } from "./vector.js";

/** A gated recurrent unit; rows of both products are the gates r, z, n in this order. */
export interface GruWeights {
  readonly input: Linear;
  readonly recurrent: Linear;
}

/** What one step leaves behind for its backward pass. */
export interface GruStep {
  readonly input: Float64Array;
  readonly before: Float64Array;
  readonly reset: Float64Array;
  readonly update: Float64Array;
  readonly candidate: Float64Array;
  /** The recurrent part of the candidate, before the reset gate. */
  readonly recurrent_candidate: Float64Array;
  readonly hidden: Float64Array;
}

/**
 * r = sig(Wir x + Whr h), z = sig(Wiz x + Whz h), n = tanh(Win x + r * (Whn h)), h' = (1 - z) n + z h,
 * biases included in each product.
 */
export function gruForward(weights: GruWeights, input: Float64Array, before: Float64Array): GruStep {
  const size = before.length;
  const fromInput = linearForward(weights.input, input);
  const fromHidden = linearForward(weights.recurrent, before);
  const gate = (index: number, i: number): number =>
    sigmoid(at(fromInput, index * size + i) + at(fromHidden, index * size + i));
  const reset = before.map((_, i) => gate(0, i));
  const update = before.map((_, i) => gate(1, i));
  const recurrent_candidate = fromHidden.slice(2 * size);
  const candidate = before.map((_, i) =>
    Math.tanh(at(fromInput, 2 * size + i) + at(reset, i) * at(recurrent_candidate, i)),
  );
  const hidden = before.map((h, i) => (1 - at(update, i)) * at(candidate, i) + at(update, i) * h);
  return { input, before, reset, update, candidate, recurrent_candidate, hidden };
}

/** Adds the gradients of the weights to `gradient`; returns those of the step's input and of the hidden state before it. */
export function gruBackward(
  weights: GruWeights,
  step: GruStep,
  dHidden: Float64Array,
  gradient: GruWeights,
): { readonly dInput: Float64Array; readonly dBefore: Float64Array } {
  const size = dHidden.length;
  const dInputGates = new Float64Array(3 * size);
  const dRecurrentGates = new Float64Array(3 * size);
  const dBefore = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const slope = at(dHidden, i);
    const [r, z, n] = [at(step.reset, i), at(step.update, i), at(step.candidate, i)];
    const dCandidate = slope * (1 - z) * (1 - n * n);
    const dReset = dCandidate * at(step.recurrent_candidate, i) * r * (1 - r);
    const dUpdate = slope * (at(step.before, i) - n) * z * (1 - z);
    dInputGates[i] = dRecurrentGates[i] = dReset;
    dInputGates[size + i] = dRecurrentGates[size + i] = dUpdate;
    dInputGates[2 * size + i] = dCandidate;
    dRecurrentGates[2 * size + i] = dCandidate * r;
    dBefore[i] = slope * z;
  }
  const dInput = new Float64Array(step.input.length);
  linearBackward(weights.input, step.input, dInputGates, gradient.input, dInput);
  linearBackward(weights.recurrent, step.before, dRecurrentGates, gradient.recurrent, dBefore);
  return { dInput, dBefore };
}
