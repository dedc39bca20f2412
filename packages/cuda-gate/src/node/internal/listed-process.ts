import { MIN_USED_MEMORY_MIB } from "../../residency.js";
import type { Confidence, ResidencyEvidence, ResidencyMethod } from "../../residency-evidence.js";
import type { ProcessNumbers } from "./process-numbers.js";

/** A row of a list of processes on one GPU. */
export interface ListedProcess {
  readonly pid: number;
  readonly used_bytes: number | null;
}

/**
 * What a list of processes says of one of them. Where the host's numbers can be seen, the answer is as good as the
 * method; elsewhere a number that matches may be another process's, and a process that is not found may be there under a
 * number nobody here knows. The only process on a GPU is taken for it, with little confidence.
 */
export function findListed(
  method: ResidencyMethod,
  processes: readonly ListedProcess[],
  { pids, sees_host }: ProcessNumbers,
  best: Confidence,
): ResidencyEvidence {
  const lower: Confidence = best === "high" ? "medium" : "low";
  const numbers = pids.join(", ");
  // A process has a row for each context; the one with the most memory says most.
  const rows = processes.filter(({ pid }) => (sees_host ? pid === pids[0] : pids.includes(pid)));
  const row = rows.reduce<ListedProcess | undefined>((most, next) => (more(next, most) ? next : most), undefined);
  if (row !== undefined) {
    const { used_bytes } = row;
    if (used_bytes === null) {
      const why = `process ${row.pid} is on the GPU; how much memory it has is not told`;
      return { method, outcome: "resident", confidence: "low", used_bytes, why };
    }
    const outcome = used_bytes >= MIN_USED_MEMORY_MIB * 2 ** 20 ? "resident" : "absent";
    const why = `process ${row.pid} has ${used_bytes} bytes${sees_host ? "" : "; its number is this container's"}`;
    return { method, outcome, confidence: sees_host ? best : lower, used_bytes, why };
  }
  if (sees_host) {
    const why = `process ${numbers} is not among the ${processes.length} on the GPU`;
    return { method, outcome: "absent", confidence: best, used_bytes: null, why };
  }
  const [only, ...others] = processes;
  if (only !== undefined && others.length === 0) {
    const why = `process ${only.pid} is alone on the GPU; this container knows itself as ${numbers}`;
    return { method, outcome: "resident", confidence: "low", used_bytes: only.used_bytes, why };
  }
  const why = `${processes.length} processes are listed under the host's numbers, which this container cannot map`;
  return { method, outcome: "unknown", confidence: "none", used_bytes: null, why };
}

function more(next: ListedProcess, most: ListedProcess | undefined): boolean {
  return most === undefined || (next.used_bytes ?? -1) > (most.used_bytes ?? -1);
}
