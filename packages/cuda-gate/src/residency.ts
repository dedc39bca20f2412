import type { ComputeApp, GpuMemorySample, NamedComputeApp } from "./compute-apps.js";
import { type GateVerdict, verdictOf } from "./verdict.js";

/** Seconds after step 0 within which the process must be seen on the GPU (INV-GPUTRAIN-003). */
export const POLL_WINDOW_SECONDS = 5;

/** The least memory, in MiB, that counts as being on the GPU. */
export const MIN_USED_MEMORY_MIB = 1;

/** Steps that are left out before utilisation is looked at. */
export const UTILISATION_WARM_UP_STEPS = 10;

/** The least share of the other steps that must show some utilisation. */
export const MIN_UTILISED_SHARE = 0.5;

/**
 * INV-GPUTRAIN-003: pass iff some row is of this process and has at least 1 MiB. All rows are looked at: a process has
 * one for each GPU it uses.
 */
export function residencyVerdict(rows: Iterable<ComputeApp>, pid: number): GateVerdict {
  for (const row of rows) {
    if (row.pid === pid && row.used_memory_mib >= BigInt(MIN_USED_MEMORY_MIB)) return "pass";
  }
  return "fail";
}

/** What the lenient probes say: the memory that was seen, or why it proves nothing. */
export type MemoryProof =
  | { readonly status: "ok"; readonly used_mib: number }
  | { readonly status: "failed"; readonly code: "empty" | "pid_missing" | "below_threshold"; readonly message: string };

/**
 * Whether memory rose by at least `min_delta_mib` over the first sample; the peak, where it did. It is the whole card's
 * memory, so another process can make it rise: use it beside a proof that names the process.
 */
export function memoryDeltaProof(samples: readonly GpuMemorySample[], min_delta_mib: number): MemoryProof {
  const [first] = samples;
  if (first === undefined) return failed("empty", "no sample of the GPU's memory");
  const peak = samples.reduce((most, { used_mib }) => Math.max(most, used_mib), 0);
  const delta = peak - first.used_mib;
  if (delta >= min_delta_mib) return { status: "ok", used_mib: peak };
  return failed("below_threshold", `memory rose by ${delta} MiB, expected at least ${min_delta_mib} MiB`);
}

/**
 * Whether the first row of a process has at least `min_mib`. Unlike `residencyVerdict` only the first row counts, as in
 * the contract's lenient probe: a process on two GPUs may fail here and pass there.
 */
export function computeAppProof(rows: readonly NamedComputeApp[], pid: number, min_mib: number): MemoryProof {
  if (rows.length === 0) return failed("empty", "no process is on the GPU");
  const row = rows.find((candidate) => candidate.pid === pid);
  if (row === undefined) return failed("pid_missing", `process ${pid} is not among the ${rows.length} on the GPU`);
  if (row.used_memory_mib >= min_mib) return { status: "ok", used_mib: row.used_memory_mib };
  return failed("below_threshold", `process ${pid} has ${row.used_memory_mib} MiB, expected at least ${min_mib} MiB`);
}

function failed(code: "empty" | "pid_missing" | "below_threshold", what: string): MemoryProof {
  return { status: "failed", code, message: `INV-GPUTRAIN-003: ${what}` };
}

/**
 * The utilisation part of the residency proof: of the steps after the first ten, at least half show some utilisation.
 * Samples are percentages in the order of the steps. Pass needs at least one sample after the warm-up, and a sample
 * nobody could take (null) counts as showing none. In float64.
 */
export function utilisationVerdict(gpu_util_pct: readonly (number | null)[]): GateVerdict {
  const counted = gpu_util_pct.slice(UTILISATION_WARM_UP_STEPS);
  const utilised = counted.filter((pct) => pct !== null && pct > 0).length;
  return verdictOf(counted.length > 0 && utilised / counted.length >= MIN_UTILISED_SHARE);
}
