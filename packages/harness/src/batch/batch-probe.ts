import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { type ProbeOptions, probe } from "../probe.js";
import type { Workload } from "../workload.js";
import type { BatchProbe } from "./batch-observation.js";
import type { ProbeAt } from "./search-batch.js";
import { withBatch } from "./with-batch.js";

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
    const folder = out === undefined ? {} : { out: freeFolder(out, batch) };
    const result = await probe(workload, withBatch(spec, batch), { ...rest, ...folder, signal });
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
