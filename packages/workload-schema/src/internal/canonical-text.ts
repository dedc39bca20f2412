import type { SpecInteger, WorkloadSpec } from "../workload-spec.js";

/** The hashed text (docs/gpu/workload_schema_v1.md): keys sorted, no spaces, ASCII, labels left out. `spec` must have been checked. */
export function canonicalText({ ant_spec: ant, colony_spec: colony, ...top }: WorkloadSpec<SpecInteger>): string {
  return (
    `{"ant_spec":{"precision":"${ant.precision}","ptr_dtype":"${ant.ptr_dtype}",` +
    `"ring_len":${ant.ring_len},"slot_dim":${ant.slot_dim}},` +
    `"colony_spec":{"batch_size":${colony.batch_size},"ptr_update_every":${colony.ptr_update_every},` +
    `"seq_len":${colony.seq_len},"state_loop_samples":${colony.state_loop_samples},` +
    `"synth_len":${colony.synth_len}},"schema_version":"${top.schema_version}"}`
  );
}
