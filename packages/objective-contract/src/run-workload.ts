import type { WorkloadSpec } from "@vrx/workload-schema";
import type { JsonObject } from "./json.js";

/** A workload with plain numbers, as engines take it; in a run it carries the required knobs and nothing else. */
export type RunWorkload = WorkloadSpec;

/** The knobs a run carries: what the id is made of, without labels. */
export function requiredKnobs({ schema_version, ant_spec, colony_spec }: WorkloadSpec): RunWorkload & JsonObject {
  const { ring_len, slot_dim, ptr_dtype, precision } = ant_spec;
  const { seq_len, synth_len, batch_size, ptr_update_every, state_loop_samples } = colony_spec;
  return {
    schema_version,
    ant_spec: { ring_len, slot_dim, ptr_dtype, precision },
    colony_spec: { seq_len, synth_len, batch_size, ptr_update_every, state_loop_samples },
  };
}
