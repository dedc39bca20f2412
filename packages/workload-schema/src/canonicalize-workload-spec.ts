import { requireSpec } from "./internal/require-spec.js";
import type { SpecInteger, WorkloadSpec } from "./workload-spec.js";

/**
 * The spec as it enters the id: without labels, keys in canonical order, integers as `number` when safe and `bigint`
 * beyond. Throws a `WorkloadSchemaError` for anything that is no spec.
 */
export function canonicalizeWorkloadSpec(spec: WorkloadSpec<SpecInteger>): WorkloadSpec<SpecInteger> {
  const { ant_spec: ant, colony_spec: colony, schema_version } = requireSpec(spec);
  return {
    ant_spec: {
      precision: ant.precision,
      ptr_dtype: ant.ptr_dtype,
      ring_len: narrow(ant.ring_len),
      slot_dim: narrow(ant.slot_dim),
    },
    colony_spec: {
      batch_size: narrow(colony.batch_size),
      ptr_update_every: narrow(colony.ptr_update_every),
      seq_len: narrow(colony.seq_len),
      state_loop_samples: narrow(colony.state_loop_samples),
      synth_len: narrow(colony.synth_len),
    },
    schema_version,
  };
}

function narrow(integer: SpecInteger): SpecInteger {
  const number = Number(integer);
  // Adding 0 makes -0 the integer 0.
  return Number.isSafeInteger(number) ? number + 0 : integer;
}
