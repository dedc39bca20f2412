import type { WorkloadSpec } from "@vrx/workload-schema";

/** The same spec with another batch. */
export function withBatch(spec: WorkloadSpec, batch_size: number): WorkloadSpec {
  return { ...spec, colony_spec: { ...spec.colony_spec, batch_size } };
}
