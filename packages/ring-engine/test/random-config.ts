import fc from "fast-check";
import type { RingConfig } from "../src/backend.js";
import { smallConfig } from "./small-config.js";

/**
 * Small configurations that reach every branch: rings shorter than the window, more heads than slots,
 * sequences beyond the sensory length, pointers that rest, with and without the sensory stage.
 */
export const randomConfig: fc.Arbitrary<RingConfig> = fc
  .record({
    ring_len: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 6, max: 40 })),
    slot_dim: fc.integer({ min: 1, max: 9 }),
    synth_len: fc.integer({ min: 1, max: 9 }),
    batch_size: fc.integer({ min: 1, max: 4 }),
    expert_heads: fc.integer({ min: 1, max: 7 }),
    num_classes: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(256)),
    ptr_update_every: fc.integer({ min: 1, max: 4 }),
    state_loop_samples: fc.integer({ min: 0, max: 5 }),
    state_loop_dim: fc.integer({ min: 1, max: 8 }),
    sensory_ring: fc.boolean(),
    sensory_len: fc.integer({ min: 1, max: 6 }),
    sensory_dim: fc.integer({ min: 1, max: 9 }),
    window_radius: fc.constantFrom(2, 2, 0, 1, 3),
    window_tau: fc.constantFrom(8, 8, 2, 0.7),
    update_scale: fc.constantFrom(1, 1, 0.5),
    deadzone_tau: fc.constantFrom(0.25, 0.25, 1),
  })
  .map(smallConfig);
