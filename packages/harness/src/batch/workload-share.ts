import { isJsonObject } from "@vrx/objective-contract";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { planProbe } from "../probe.js";
import type { Workload } from "../workload.js";
import { type PlanOptions, supportedBatch } from "./supported-batch.js";
import { withBatch } from "./with-batch.js";

/** Resident bytes of a process of Node that has loaded an engine and nothing else: about what `rss_before_bytes` says. */
const IDLE_PROCESS_BYTES = 75e6;

/**
 * The share of a memory budget that each batch is predicted to take, by what the workload says of its memory before it
 * runs; undefined where it says nothing.
 */
export async function budgetShare(
  workload: Workload,
  spec: WorkloadSpec,
  options: PlanOptions,
  memory_budget_bytes: number,
): Promise<((batch: number) => number) | undefined> {
  const bytesAt = await predictedBytes(workload, spec, options);
  return bytesAt && ((batch) => (IDLE_PROCESS_BYTES + bytesAt(batch)) / memory_budget_bytes);
}

/**
 * The share of a GPU's memory that each batch is predicted to reserve, by what the workload says of its memory on the GPU
 * before it runs; undefined where it says nothing, as programs do: see `vramShare`.
 */
export async function deviceShare(
  workload: Workload,
  spec: WorkloadSpec,
  options: PlanOptions,
  total_vram_bytes: number,
): Promise<((batch: number) => number) | undefined> {
  const bytesAt = await predictedBytes(workload, spec, options);
  return bytesAt && ((batch) => bytesAt(batch) / total_vram_bytes);
}

async function predictedBytes(
  workload: Workload,
  spec: WorkloadSpec,
  options: PlanOptions,
): Promise<((batch: number) => number) | undefined> {
  const bytesOf = async (batch: number): Promise<number | null> => {
    const { description } = await planProbe(workload, withBatch(spec, batch), options);
    const memory = description.extras?.["memory"];
    const bytes = memory !== undefined && isJsonObject(memory) && memory["predicted_bytes"];
    return typeof bytes === "number" ? bytes : null;
  };
  // The sizes of all arrays are linear in the batch but for padding, which is small beside them.
  const most = await supportedBatch(workload, spec, options);
  const [one, other] = [Math.min(8, most), Math.min(1032, most)];
  const [few, many] = [await bytesOf(one), await bytesOf(other)];
  if (few === null || many === null) return undefined;
  const slope = (many - few) / Math.max(1, other - one);
  return (batch) => few + slope * (batch - one);
}
