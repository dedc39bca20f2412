import type { Precision, SpecInteger, WorkloadSpec } from "@vrx/workload-schema";
import type { ComputePrecision, PointerPrecision, RingConfig } from "./backend.js";
import { RingEngineError } from "./errors.js";
import type { RingOptions } from "./options.js";
import { defaultSensoryLength, defaultSensoryWidth } from "./prescribed.js";

/** Sizes that 32-bit slot numbers and counters can hold. */
export const LARGEST_SIZE = 2 ** 31 - 1;

/** The sizes of a workload with its options; numbers beyond 2^53 - 1 lose their last digits, beyond 1.8e308 they are Infinity. */
export type RingShape = Omit<RingConfig, "precision" | "ptr_dtype">;

/** Works out every size, whatever the formats; the spec's bigints become numbers. */
export function ringShape(spec: WorkloadSpec<SpecInteger>, options: RingOptions): RingShape {
  const { ant_spec: ant, colony_spec: colony } = spec;
  const [R, D] = [Number(ant.ring_len), Number(ant.slot_dim)];
  return {
    ring_len: R,
    slot_dim: D,
    synth_len: Number(colony.synth_len),
    batch_size: Number(colony.batch_size),
    expert_heads: options.expert_heads,
    num_classes: options.num_classes,
    // Beyond the last time step and the last sample, more makes no difference.
    ptr_update_every: Math.min(Number(colony.ptr_update_every), LARGEST_SIZE),
    state_loop_samples: Math.min(Number(colony.state_loop_samples), LARGEST_SIZE),
    state_loop_dim: options.state_loop_dim,
    sensory_ring: options.sensory_ring,
    sensory_len: options.sensory_len ?? defaultSensoryLength(R),
    sensory_dim: options.sensory_dim ?? defaultSensoryWidth(D),
    ring_history: options.ring_history,
    window_radius: options.window_radius,
    window_tau: options.window_tau,
    deadzone_tau: options.deadzone_tau,
    update_scale: options.update_scale,
    learning_rate: options.learning_rate,
    adam_beta1: options.adam_beta1,
    adam_beta2: options.adam_beta2,
    adam_epsilon: options.adam_epsilon,
  };
}

/** The first size that no engine can index, or null. */
export function oversized(shape: RingShape): { readonly name: string; readonly value: number } | null {
  const names = [
    "ring_len",
    "slot_dim",
    "synth_len",
    "batch_size",
    "sensory_dim",
    "expert_heads",
    "num_classes",
  ] as const;
  const name = names.find((one) => shape[one] > LARGEST_SIZE);
  if (name !== undefined) return { name, value: shape[name] };
  const product = shape.batch_size * shape.synth_len;
  return product > LARGEST_SIZE ? { name: "batch_size * synth_len", value: product } : null;
}

/**
 * The format that a spec's precision is executed in. `amp` names none: it is fp16, with its loss scaling, as autocast is on
 * CUDA where nobody says otherwise. See docs/decisions/0134-amp-is-fp16.md.
 */
export function executedPrecision(precision: Precision): ComputePrecision {
  return precision === "amp" ? "fp16" : precision;
}

export function isPointerPrecision(word: string): word is PointerPrecision {
  return word === "fp64" || word === "fp32";
}

/**
 * What an engine executes for a spec and options. Throws `unsupported` for pointers in formats that no engine of this
 * release keeps them in (fp16 and bf16) and for sizes that do not fit 32-bit slot numbers.
 */
export function ringConfig(spec: WorkloadSpec<SpecInteger>, options: RingOptions): RingConfig {
  const { precision, ptr_dtype } = spec.ant_spec;
  const shape = ringShape(spec, options);
  const large = oversized(shape);
  if (large !== null) {
    throw new RingEngineError("unsupported", `${large.name}: expected at most ${LARGEST_SIZE}, found ${large.value}`);
  }
  if (!isPointerPrecision(ptr_dtype)) {
    throw new RingEngineError(
      "unsupported",
      `ptr_dtype ${ptr_dtype}: expected fp64 or fp32; no engine of this release keeps pointers in others`,
      { details: { engines: [] } },
    );
  }
  return { ...shape, precision: executedPrecision(precision), ptr_dtype };
}
