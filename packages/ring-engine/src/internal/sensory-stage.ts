import { type GruStep, type GruWeights, gruBackward, gruForward } from "./gru-cell.js";
import { type Linear, linearBackward, linearForward } from "./linear.js";
import { addScaled, at, row } from "./vector.js";

/** What turns the scalar inputs into vectors: a small recurrent stage with a delay line, bridged to the slot width. */
export interface SensoryWeights {
  readonly projection: Linear;
  readonly gru: GruWeights;
  readonly bridge: Linear;
}

export interface SensoryPass {
  readonly x: Float64Array;
  readonly projected: readonly Float64Array[];
  readonly steps: readonly GruStep[];
  /** Per time step, what the ring gets. */
  readonly outputs: readonly Float64Array[];
}

const tanhSlope = (y: Float64Array, dy: Float64Array): Float64Array =>
  dy.map((slope, i) => slope * (1 - at(y, i) ** 2));

/** Runs the stage over one sample; from step `delay` on, the state of `delay` steps ago is added to the input. */
export function sensoryForward(weights: SensoryWeights, x: Float64Array, delay: number): SensoryPass {
  const projected: Float64Array[] = [];
  const steps: GruStep[] = [];
  const outputs: Float64Array[] = [];
  let state: Float64Array = new Float64Array(weights.projection.bias.length);
  for (let t = 0; t < x.length; t++) {
    const u = linearForward(weights.projection, x.subarray(t, t + 1)).map(Math.tanh);
    const input = u.slice();
    const delayed = steps[t - delay];
    if (delayed !== undefined) addScaled(input, 1, delayed.hidden);
    const step = gruForward(weights.gru, input, state);
    state = step.hidden;
    projected.push(u);
    steps.push(step);
    outputs.push(linearForward(weights.bridge, state).map(Math.tanh));
  }
  return { x, projected, steps, outputs };
}

/** Adds the gradients of the stage to `gradient`, given dL/doutputs. */
export function sensoryBackward(
  weights: SensoryWeights,
  pass: SensoryPass,
  dOutputs: readonly Float64Array[],
  delay: number,
  gradient: SensoryWeights,
): void {
  const size = weights.projection.bias.length;
  const T = pass.steps.length;
  const dStates = new Float64Array(T * size);
  for (let t = T - 1; t >= 0; t--) {
    const [step, u, output, dOutput] = [pass.steps[t], pass.projected[t], pass.outputs[t], dOutputs[t]];
    if (!step || !u || !output || !dOutput) throw new RangeError(`time step ${t} is outside of ${T}`);
    const dState = row(dStates, t, size);
    linearBackward(weights.bridge, step.hidden, tanhSlope(output, dOutput), gradient.bridge, dState);
    const { dInput, dBefore } = gruBackward(weights.gru, step, dState, gradient.gru);
    if (t > 0) addScaled(row(dStates, t - 1, size), 1, dBefore);
    if (t >= delay) addScaled(row(dStates, t - delay, size), 1, dInput);
    linearBackward(weights.projection, pass.x.subarray(t, t + 1), tanhSlope(u, dInput), gradient.projection, null);
  }
}
