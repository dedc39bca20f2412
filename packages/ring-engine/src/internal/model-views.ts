import type { ParameterSlot } from "../parameters.js";
import type { GruWeights } from "./gru-cell.js";
import type { Linear } from "./linear.js";
import type { PointerWeights } from "./pointer-update.js";
import type { SensoryWeights } from "./sensory-stage.js";

/** The model's parts as views into one flat vector (of parameters or of their gradients). */
export interface ModelViews {
  readonly context_logit: Float64Array;
  readonly sensory: SensoryWeights | null;
  readonly input: Linear;
  readonly gru: GruWeights;
  readonly pointer: PointerWeights;
  readonly heads: readonly Linear[];
}

export function modelViews(layout: readonly ParameterSlot[], values: Float64Array): ModelViews {
  const slots = new Map(layout.map((slot) => [slot.name, slot]));
  const view = (name: string): Float64Array => {
    const slot = slots.get(name);
    if (slot === undefined) throw new RangeError(`no parameter ${name} in this configuration`);
    return values.subarray(slot.offset, slot.offset + slot.length);
  };
  const linear = (name: string): Linear => ({ weight: view(`${name}.weight`), bias: view(`${name}.bias`) });
  const gru = (name: string): GruWeights => ({
    input: { weight: view(`${name}.weight_ih`), bias: view(`${name}.bias_ih`) },
    recurrent: { weight: view(`${name}.weight_hh`), bias: view(`${name}.bias_hh`) },
  });
  const heads = layout
    .filter(({ name }) => name.startsWith("head.") && name.endsWith(".weight"))
    .map(({ name }) => linear(name.slice(0, -".weight".length)));
  return {
    context_logit: view("context_logit"),
    sensory: slots.has("sensory_bridge.weight")
      ? { projection: linear("sensory_proj_in"), gru: gru("sensory_gru"), bridge: linear("sensory_bridge") }
      : null,
    input: linear("input_proj"),
    gru: gru("gru"),
    pointer: {
      jump_target: view("theta_ptr_reduced"),
      jump_gate: view("theta_gate_reduced"),
      jump: linear("jump_score"),
      inertia: linear("inertia_head"),
      deadzone: linear("deadzone_head"),
      walk: linear("walk_head"),
    },
    heads,
  };
}
