import { workloadToEnv } from "@vrx/workload-schema";
import type { WorkloadRequest } from "../workload.js";
import { SAMPLES_FD } from "./program.js";

/**
 * The environment of a program: that of this process without its `VRX_*` variables (what happens to be set must not
 * change a run), what the caller adds, and the request as `VRX_*` variables.
 */
export function programEnvironment(
  request: WorkloadRequest,
  specFile: string,
  added: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const inherited = Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
    value === undefined || name.startsWith("VRX_") ? [] : [[name, value]],
  );
  return {
    ...Object.fromEntries(inherited),
    ...added,
    ...workloadToEnv(request.spec),
    VRX_WORKLOAD_ID: request.workload_id,
    VRX_PROBE_ID: request.probe_id,
    VRX_EXPERT_HEADS: String(request.heads),
    VRX_WARMUP_STEPS: String(request.warmup_steps),
    VRX_MEASURE_STEPS: String(request.measure_steps),
    VRX_SEED: String(request.seed),
    VRX_SPEC_FILE: specFile,
    VRX_SAMPLES_FD: String(SAMPLES_FD),
  };
}
