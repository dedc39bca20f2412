import { explain } from "./internal/explain.js";
import type { Flaw } from "./internal/flaw.js";
import type { Read } from "./issue.js";
import type { SpecInteger, WorkloadSpec } from "./workload-spec.js";

/** The same spec with plain numbers, for those who compute with them; an issue for each integer beyond 2^53-1. */
export function toSafeInts(spec: WorkloadSpec<SpecInteger>): Read<WorkloadSpec> {
  const flaws: Flaw[] = [];
  const safe = (value: SpecInteger, ...path: string[]): number => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) flaws.push({ code: "unsafe_integer", path, value });
    return number;
  };
  const { ant_spec: ant, colony_spec: colony } = spec;
  const numbers: WorkloadSpec = {
    ...spec,
    ant_spec: {
      ...ant,
      ring_len: safe(ant.ring_len, "ant_spec", "ring_len"),
      slot_dim: safe(ant.slot_dim, "ant_spec", "slot_dim"),
    },
    colony_spec: {
      ...colony,
      seq_len: safe(colony.seq_len, "colony_spec", "seq_len"),
      synth_len: safe(colony.synth_len, "colony_spec", "synth_len"),
      batch_size: safe(colony.batch_size, "colony_spec", "batch_size"),
      ptr_update_every: safe(colony.ptr_update_every, "colony_spec", "ptr_update_every"),
      state_loop_samples: safe(colony.state_loop_samples, "colony_spec", "state_loop_samples"),
    },
  };
  return flaws.length === 0 ? { status: "ok", spec: numbers } : { status: "invalid", issues: explain(flaws) };
}
