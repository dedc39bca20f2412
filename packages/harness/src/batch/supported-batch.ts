import type { WorkloadSpec } from "@vrx/workload-schema";
import { isHarnessError } from "../errors.js";
import { type ProbeOptions, planProbe } from "../probe.js";
import type { Workload } from "../workload.js";
import { withBatch } from "./with-batch.js";

/** What a probe is planned with; nothing of how it is run. */
export type PlanOptions = Omit<ProbeOptions, "out" | "signal">;

/** Beyond every batch that anything can hold. */
const MOST = 2 ** 24;

/**
 * The largest batch that a workload says it can execute, as an engine does whose device has room for so many samples in a
 * block; 2^24 where it names no limit. Nothing runs. Rejects as `planProbe` does where one sample is refused already.
 */
export async function supportedBatch(workload: Workload, spec: WorkloadSpec, options: PlanOptions): Promise<number> {
  const isRefused = async (batch: number): Promise<boolean> => {
    try {
      await planProbe(workload, withBatch(spec, batch), options);
      return false;
    } catch (error) {
      if (batch > 1 && isHarnessError(error) && error.details["reason"] === "too_large") return true;
      throw error;
    }
  };
  if (!(await isRefused(MOST))) return MOST;
  await isRefused(1);
  let [supported, refused] = [1, MOST];
  while (refused - supported > 1) {
    const middle = Math.floor((supported + refused) / 2);
    if (await isRefused(middle)) refused = middle;
    else supported = middle;
  }
  return supported;
}
