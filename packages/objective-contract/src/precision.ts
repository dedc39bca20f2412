import type { Precision } from "@vrx/workload-schema";

/** The precisions of the workload schema; `amp` is automatic mixed precision of a kind the device chooses. */
export const precisions = ["fp64", "fp32", "fp16", "bf16", "amp"] as const satisfies readonly Precision[];
