import type { RingConfig } from "./backend.js";
import { RingEngineError } from "./errors.js";
import { exactLog } from "./internal/exact-normal.js";
import { type ParameterSlot, parameterLayout } from "./parameters.js";
import { randomStream } from "./random.js";

/** How one parameter starts. */
type Initial =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "normal"; readonly deviation: number };

const constant = (value: number): Initial => ({ kind: "constant", value });
const uniform = (bound: number): Initial => ({ kind: "uniform", bound });
const normal = (deviation: number): Initial => ({ kind: "normal", deviation });

/** Glorot and Bengio 2010: the bound of a uniform distribution for a matrix [out, in]. */
function xavier({ shape }: ParameterSlot): Initial {
  const [rows = 1, columns = 1] = shape;
  return uniform(Math.sqrt(6 / (rows + columns)));
}

/** Larger rings start with smaller recurrent weights and biases; from 200 slots on nothing changes any more. */
const ringShare = (ring_len: number): number => Math.min(ring_len / 200, 1);

function initialOf(slot: ParameterSlot, config: RingConfig, context_scale_init: number): Initial {
  const share = ringShare(config.ring_len);
  switch (slot.name) {
    case "theta_ptr_reduced":
      return uniform(4);
    case "theta_gate_reduced":
      return uniform(0.5);
    case "context_logit":
      return constant(exactLog(context_scale_init / (1 - context_scale_init)));
    case "sensory_gru.weight_ih":
    case "sensory_gru.weight_hh":
      return normal(0.05);
    case "gru.weight_ih":
    case "gru.weight_hh":
      return normal(0.1 - 0.05 * share);
    case "gru.bias_ih":
    case "gru.bias_hh":
      return constant(0.5 - 0.3 * share);
    case "inertia_head.weight":
    case "inertia_head.bias":
    case "deadzone_head.weight":
    case "deadzone_head.bias":
    case "walk_head.weight":
    case "walk_head.bias":
      return uniform(1 / Math.sqrt(config.slot_dim));
    default:
      return slot.name.endsWith(".weight") ? xavier(slot) : constant(0);
  }
}

/**
 * The model's parameters before the first step, in layout order; every value is exact in float32, so that
 * engines of either precision start from the same numbers. Each parameter draws from its own stream.
 * Throws `invalid_argument` for a seed or a context scale outside of its domain.
 */
export function initialParameters(config: RingConfig, seed: number, context_scale_init = 0.2): Float64Array {
  if (!(context_scale_init > 0 && context_scale_init < 1)) {
    throw new RingEngineError(
      "invalid_argument",
      `context_scale_init: expected a number between 0 and 1, found ${context_scale_init}`,
    );
  }
  const layout = parameterLayout(config);
  const values = new Float64Array(layout.reduce((sum, { length }) => sum + length, 0));
  for (const slot of layout) {
    const stream = randomStream(seed, "initial_values", slot.name);
    const initial = initialOf(slot, config, context_scale_init);
    const draw = (index: number): number => {
      switch (initial.kind) {
        case "constant":
          return initial.value;
        case "uniform":
          return (2 * stream.uniform(index) - 1) * initial.bound;
        case "normal":
          return stream.normal(index) * initial.deviation;
      }
    };
    for (let i = 0; i < slot.length; i++) values[slot.offset + i] = Math.fround(draw(i));
  }
  return values;
}
