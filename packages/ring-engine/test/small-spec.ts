import type { AntSpec, ColonySpec, SpecInteger, WorkloadSpec } from "@vrx/workload-schema";

/** A workload that runs in milliseconds, with some values replaced. */
export function smallSpec<I extends SpecInteger = number>(
  changes: Partial<AntSpec<I> & ColonySpec<I>> = {},
): WorkloadSpec<I | number> {
  const { ring_len = 16, slot_dim = 6, ptr_dtype = "fp64", precision = "fp64" } = changes;
  const { seq_len = 5, synth_len = 5, batch_size = 3, ptr_update_every = 1, state_loop_samples = 2 } = changes;
  return {
    schema_version: "workload_schema_v1",
    ant_spec: { ring_len, slot_dim, ptr_dtype, precision },
    colony_spec: { seq_len, synth_len, batch_size, ptr_update_every, state_loop_samples },
  };
}
