import type { RingConfig } from "./backend.js";

/** The constants the recorded runs were made with; options of the same names can change them. */
export const PRESCRIBED = {
  ring_history: "inplace",
  window_radius: 2,
  window_tau: 8,
  deadzone_tau: 0.25,
  update_scale: 1,
  state_loop_dim: 8,
  learning_rate: 1e-3,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
} as const satisfies Partial<RingConfig>;

/** Delay of the sensory stage, where nothing else is asked for: half the ring. */
export function defaultSensoryLength(ring_len: number): number {
  return Math.max(1, Math.floor(ring_len / 2));
}

/** Width of the sensory stage, where nothing else is asked for: a third of the slot width, at least 8. */
export function defaultSensoryWidth(slot_dim: number): number {
  return Math.max(8, Math.floor(slot_dim / 3));
}
