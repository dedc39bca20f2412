import type { RingConfig } from "../src/backend.js";
import { PRESCRIBED } from "../src/prescribed.js";

/** A configuration small enough for finite differences, with some fields replaced. */
export function smallConfig(changes: Partial<RingConfig> = {}): RingConfig {
  return {
    ...PRESCRIBED,
    ring_len: 16,
    slot_dim: 6,
    synth_len: 5,
    batch_size: 2,
    expert_heads: 1,
    num_classes: 5,
    ptr_update_every: 1,
    state_loop_samples: 0,
    sensory_ring: true,
    sensory_len: 8,
    sensory_dim: 4,
    precision: "fp64",
    ptr_dtype: "fp64",
    ...changes,
  };
}
