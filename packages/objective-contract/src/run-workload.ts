import type { WorkloadSpec } from "@vrx/workload-schema";

/** A workload with plain numbers, as engines take it; in a run it carries the required knobs and nothing else. */
export type RunWorkload = WorkloadSpec;
