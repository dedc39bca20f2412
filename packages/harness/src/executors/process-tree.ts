import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A process and what tells it from a later one of the same number. */
export interface KnownProcess {
  readonly pid: number;
  readonly group: number;
  /** Its start in the kernel's ticks. */
  readonly start: string;
  readonly rss_bytes: number;
  /** Over, and waiting for its parent to look: it holds nothing any more. */
  readonly ended: boolean;
}

/** The kernel's unit of resident memory in `stat`; `statm` and `status` round to it too. */
const KIB = 1024;

function processOf(pid: number): KnownProcess | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [, rss = "0"] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    const ended = fields[0] === "Z" || fields[0] === "X";
    return { pid, group: Number(fields[2]), start: fields[19] ?? "", rss_bytes: Number(rss) * KIB, ended };
  } catch {
    // It ended in between.
    return null;
  }
}

/** Children of a process by all of its threads; null where the kernel does not keep them (CONFIG_PROC_CHILDREN). */
function childrenOf(pid: number): readonly number[] | null {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return null;
  }
}

/**
 * A process and everything it has started that still hangs together by parents, whatever groups they are in. Empty where
 * the process is gone, and where there is no /proc. A process whose parent has ended is not found any more.
 */
export function processTree(root: number): readonly KnownProcess[] {
  const found: KnownProcess[] = [];
  const left = [root];
  for (let pid = left.shift(); pid !== undefined; pid = left.shift()) {
    const one = processOf(pid);
    if (one === null) continue;
    found.push(one);
    left.push(...(childrenOf(pid) ?? []));
  }
  return found;
}

/** Kills those that are still the processes they were, with their groups. */
export function killKnown(processes: Iterable<KnownProcess>): void {
  for (const { pid, group, start } of processes) {
    if (processOf(pid)?.start !== start) continue;
    for (const target of group === pid ? [-group, pid] : [pid]) {
      try {
        process.kill(target, "SIGKILL");
      } catch {
        // It ended in between.
      }
    }
  }
}

const GONE_POLL_MS = 20;

/** Waits until killed processes have let go of their memory, that of devices too, but no longer than `limit_ms`. */
export async function untilGone(processes: Iterable<KnownProcess>, limit_ms: number): Promise<void> {
  let left = [...processes];
  for (let waited_ms = 0; waited_ms < limit_ms; waited_ms += GONE_POLL_MS) {
    left = left.filter(({ pid, start }) => {
      const now = processOf(pid);
      return now?.start === start && !now.ended;
    });
    if (left.length === 0) return;
    await delay(GONE_POLL_MS);
  }
}
