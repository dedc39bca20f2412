import type { RingConfig } from "../backend.js";
import { type GruStep, gruBackward, gruForward } from "./gru-cell.js";
import { linearBackward, linearForward } from "./linear.js";
import type { ModelViews } from "./model-views.js";
import { type PointerUpdate, pointerBackward, pointerForward } from "./pointer-update.js";
import { floorMod, slotOf } from "./ring-positions.js";
import { sigmoid } from "./scalar.js";
import { type SensoryPass, sensoryBackward, sensoryForward } from "./sensory-stage.js";
import { addAt, addScaled, at, dot, row } from "./vector.js";
import { type Window, windowAt, windowBackward } from "./window.js";

/** One time step of one sample, with what its backward pass needs: the ring itself is not among it. */
export interface RingStep {
  readonly pointer: number;
  readonly window: Window;
  /** The window's slots as they were before the step wrote to them. */
  readonly rows: readonly Float64Array[];
  /** The weighted sum of the rows. */
  readonly context: Float64Array;
  readonly gru: GruStep;
  /** Null on steps that do not move the pointer. */
  readonly update: PointerUpdate | null;
  readonly next_pointer: number;
}

/** The forward pass of one sample. */
export interface RingPass {
  readonly x: Float64Array;
  readonly sensory: SensoryPass | null;
  readonly inputs: readonly Float64Array[];
  readonly steps: readonly RingStep[];
  /** The slot the read-out used, and the expert head that belongs to it. */
  readonly slot: number;
  readonly head: number;
  readonly feature: Float64Array;
  readonly logits: Float64Array;
}

/** The rounding of the pointer's format. */
export function pointerRounding(config: RingConfig): (value: number) => number {
  return config.ptr_dtype === "fp32" ? Math.fround : (value) => value;
}

/** A pointer that is no number starts again at slot 0, one beyond all bounds at the last slot. */
function repaired(pointer: number, ring_len: number): number {
  if (Number.isFinite(pointer)) return pointer;
  return pointer === Infinity ? ring_len - 1 : 0;
}

function headOf(model: ModelViews, index: number): ModelViews["input"] {
  const head = model.heads[index];
  if (head === undefined) throw new RangeError(`no expert head ${index}`);
  return head;
}

/** Runs one sample through the model; `forced[t]`, where given, replaces the pointer at the start of step t. */
export function ringForward(
  model: ModelViews,
  config: RingConfig,
  x: Float64Array,
  start_pointer: number,
  forced: readonly number[] | null,
): RingPass {
  const { ring_len: R, slot_dim: D, update_scale } = config;
  const round = pointerRounding(config);
  const sensory = model.sensory === null ? null : sensoryForward(model.sensory, x, config.sensory_len);
  const inputs =
    sensory?.outputs ?? Array.from(x, (value) => linearForward(model.input, Float64Array.of(value)).map(Math.tanh));
  const contextScale = sigmoid(at(model.context_logit, 0));
  const ring = new Float64Array(R * D);
  const steps: RingStep[] = [];
  let hidden: Float64Array = new Float64Array(D);
  let pointer = start_pointer;
  for (const [t, external] of inputs.entries()) {
    pointer = forced?.[t] ?? pointer;
    const window = windowAt(pointer, config, round);
    const rows = Array.from(window.centers, (center) => row(ring, center, D).slice());
    const context = new Float64Array(D);
    for (const [k, values] of rows.entries()) addScaled(context, at(window.weights, k), values);
    const input = external.slice();
    addScaled(input, contextScale, context.map(round));
    const gru = gruForward(model.gru, input, hidden);
    hidden = gru.hidden;
    for (const [k, center] of window.centers.entries()) {
      addScaled(row(ring, center, D), at(window.weights, k) * update_scale, hidden);
    }
    const update =
      t % config.ptr_update_every === 0 ? pointerForward(model.pointer, pointer, hidden, config, round) : null;
    const next_pointer = repaired(update?.pointer ?? floorMod(pointer, R), R);
    steps.push({ pointer, window, rows, context, gru, update, next_pointer });
    pointer = next_pointer;
  }
  const slot = slotOf(pointer, R);
  const head = slot % config.expert_heads;
  const feature = row(ring, slot, D).slice();
  addScaled(feature, 1, hidden);
  return { x, sensory, inputs, steps, slot, head, feature, logits: linearForward(headOf(model, head), feature) };
}

/**
 * Adds one sample's gradients to `gradient`. The slope of the ring is one ring-sized array updated in
 * place: an addition to a slot leaves the slope of that slot as it is, a read adds to it.
 */
export function ringBackward(
  model: ModelViews,
  config: RingConfig,
  pass: RingPass,
  dLogits: Float64Array,
  gradient: ModelViews,
): void {
  const { ring_len: R, slot_dim: D, update_scale } = config;
  const contextScale = sigmoid(at(model.context_logit, 0));
  const dRing = new Float64Array(R * D);
  const dInputs: Float64Array[] = pass.inputs.map(() => new Float64Array(D));
  let dHidden: Float64Array = new Float64Array(D);
  let dPointer = 0;

  linearBackward(headOf(model, pass.head), pass.feature, dLogits, headOf(gradient, pass.head), dHidden);
  addScaled(row(dRing, pass.slot, D), 1, dHidden);

  for (const [t, step] of [...pass.steps.entries()].reverse()) {
    const { centers, weights } = step.window;
    if (step.update !== null) {
      dPointer = pointerBackward(model.pointer, step.update, dPointer, config, gradient.pointer, dHidden);
    }
    const dWeights = new Float64Array(centers.length);
    for (const [k, center] of centers.entries()) {
      const dSlot = row(dRing, center, D);
      addAt(dWeights, k, update_scale * dot(dSlot, step.gru.hidden));
      addScaled(dHidden, at(weights, k) * update_scale, dSlot);
    }
    const { dInput, dBefore } = gruBackward(model.gru, step.gru, dHidden, gradient.gru);
    addAt(gradient.context_logit, 0, contextScale * (1 - contextScale) * dot(dInput, step.context));
    for (const [k, values] of step.rows.entries()) {
      addAt(dWeights, k, contextScale * dot(dInput, values));
      addScaled(row(dRing, at(centers, k), D), at(weights, k) * contextScale, dInput);
    }
    dPointer += windowBackward(step.window, dWeights, config);
    dInputs[t] = dInput;
    dHidden = dBefore;
  }

  if (model.sensory !== null && gradient.sensory !== null && pass.sensory !== null) {
    sensoryBackward(model.sensory, pass.sensory, dInputs, config.sensory_len, gradient.sensory);
    return;
  }
  for (const [t, output] of pass.inputs.entries()) {
    const dOutput = dInputs[t] ?? new Float64Array(D);
    const dBeforeTanh = dOutput.map((slope, i) => slope * (1 - at(output, i) ** 2));
    linearBackward(model.input, pass.x.subarray(t, t + 1), dBeforeTanh, gradient.input, null);
  }
}
