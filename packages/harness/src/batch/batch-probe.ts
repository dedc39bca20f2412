import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject } from "@vrx/objective-contract";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { type ProbeOptions, planProbe, probe } from "../probe.js";
import type { Workload } from "../workload.js";
import type { BatchProbe } from "./batch-observation.js";
import type { ProbeAt } from "./search-batch.js";
import { supportedBatch } from "./supported-batch.js";

/**
 * What share of memory a probe is asked for. `vram_ratio_reserved`: of the GPU's memory. `memory_budget_ratio`: peak
 * resident bytes of a declared budget, for hosts without a GPU; it is never taken for VRAM.
 */
export type MemoryShare =
  | { readonly key: "vram_ratio_reserved" }
  | { readonly key: "memory_budget_ratio"; readonly memory_budget_bytes: number };

export interface BatchProbeOptions extends Omit<ProbeOptions, "out" | "signal"> {
  readonly share: MemoryShare;
  /** Where run directories go, one per probe: `B0004`, `B0004_2`. Without it runs stay in memory. */
  readonly out?: string;
  /** Of a budget: the largest share that passes, as the contract has it of VRAM; 0.92 unless given. */
  readonly guard_ratio?: number;
}

/** Step times and missing steps come from a busy host as well; more memory is never why. */
const DOUBTFUL = new Set(["step_time_explosion", "timing_missing"]);

/** The probes of `searchBatch` for a workload: the same spec with one batch after the other, under the contract. */
export function batchProbe(workload: Workload, spec: WorkloadSpec, options: BatchProbeOptions): ProbeAt {
  const { share, out, guard_ratio = 0.92, ...rest } = options;
  return async (batch, { signal }) => {
    const workload_spec = { ...spec, colony_spec: { ...spec.colony_spec, batch_size: batch } };
    const folder = out === undefined ? {} : { out: freeFolder(out, batch) };
    const result = await probe(workload, workload_spec, { ...rest, ...folder, signal });
    const { verdict, env, outcome } = result;
    const { metrics } = verdict;
    const used = share.key === "vram_ratio_reserved" ? metrics.peak_vram_reserved_bytes : metrics.peak_rss_bytes;
    const whole = share.key === "vram_ratio_reserved" ? env.total_vram_bytes : share.memory_budget_bytes;
    const ratio = used === null || whole === null ? null : used / whole;
    const said = { ratio, run_dir: result.dir } as const;
    if (metrics.had_oom) return { ...said, status: "oom", reason: "out of memory" };
    const over = share.key === "memory_budget_ratio" && ratio !== null && ratio > guard_ratio;
    if (over) {
      return { ...said, status: "failed", reason: `more than ${guard_ratio} of the memory budget was resident` };
    }
    if (verdict.status === "pass") return { ...said, status: "passed", reason: whyNoShare(share, used, whole) };
    const failed = verdict.fail_reasons.map((gate) =>
      gate === "runtime_exception" && outcome.exception !== null ? `${gate}: ${outcome.exception.message}` : gate,
    );
    const reasons = [...failed, ...verdict.invalid_reasons.map(({ message }) => message)];
    const unsure = verdict.inconclusive_reasons.map(({ message }) => message);
    const status = { fail: "failed", invalid: "invalid", inconclusive: "inconclusive" } as const;
    return {
      ...said,
      status: status[verdict.status],
      reason: [...reasons, ...unsure].join("; "),
      doubtful: verdict.status === "fail" && verdict.fail_reasons.every((name) => DOUBTFUL.has(name)),
    } satisfies BatchProbe;
  };
}

/** Resident bytes of a process of Node that has loaded an engine and nothing else: about what `rss_before_bytes` says. */
const IDLE_PROCESS_BYTES = 75e6;

/**
 * The share of a memory budget that each batch is predicted to take, by what the workload says of its memory before it
 * runs; undefined where it says nothing.
 */
export async function budgetShare(
  workload: Workload,
  spec: WorkloadSpec,
  options: Omit<ProbeOptions, "out" | "signal">,
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
  options: Omit<ProbeOptions, "out" | "signal">,
  total_vram_bytes: number,
): Promise<((batch: number) => number) | undefined> {
  const bytesAt = await predictedBytes(workload, spec, options);
  return bytesAt && ((batch) => bytesAt(batch) / total_vram_bytes);
}

async function predictedBytes(
  workload: Workload,
  spec: WorkloadSpec,
  options: Omit<ProbeOptions, "out" | "signal">,
): Promise<((batch: number) => number) | undefined> {
  const bytesOf = async (batch: number): Promise<number | null> => {
    const workload_spec = { ...spec, colony_spec: { ...spec.colony_spec, batch_size: batch } };
    const { description } = await planProbe(workload, workload_spec, options);
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

function whyNoShare(share: MemoryShare, used: number | null, whole: number | null): string | null {
  if (used !== null && whole !== null) return null;
  if (share.key === "memory_budget_ratio") return "the workload does not say its resident memory";
  const missing = used === null ? "the peak of reserved GPU memory" : "how much memory the GPU has";
  return `nobody measured ${missing}: declare a memory budget to search on a host without a GPU`;
}

function freeFolder(out: string, batch: number): string {
  mkdirSync(out, { recursive: true });
  const name = `B${String(batch).padStart(4, "0")}`;
  for (let tried = 1; ; tried++) {
    const folder = join(out, tried === 1 ? name : `${name}_${tried}`);
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}
