import { readFileSync, readlinkSync } from "node:fs";
import type { GpuProcess } from "@vrx/native-cuda";

/** The kernel's first PID namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h): there, numbers are the driver's. */
const INITIAL_NAMESPACE = "pid:[4026531836]";

/**
 * Tells the processes of a run from those of others on the same GPU. The driver counts as the host does. Where this
 * process sees the host's numbers, its own are itself, its descendants and their groups. In a container nobody can map
 * them: there, who was on the GPU before the run is somebody else, and who came later is taken for the run's.
 */
export class GpuProcesses {
  readonly #ownerOf: (pid: number) => Owner;
  readonly #own = new Set<number>();
  readonly #foreign = new Set<number>();
  #told = false;
  #peak_own_bytes: number | null = null;

  /** `before`: the processes on the GPU before the run; null where the system does not tell. */
  constructor(before: readonly GpuProcess[] | null, proc = "/proc", own_pid: number = process.pid) {
    const there = new Set(before?.map(({ pid }) => pid));
    this.#ownerOf = (pid) => {
      if (!seesHost(proc)) return there.has(pid) ? "another" : "the run";
      const owner = ownerOf(pid, own_pid, proc);
      // What this user may not look at under /proc was still seen before the run began.
      return owner === "nobody any more" && there.has(pid) ? "another" : owner;
    };
  }

  /** A list of the processes on the GPU; gives the memory of the run's own, null where it is not told. */
  add(processes: readonly GpuProcess[] | null): number | null {
    if (processes === null) return null;
    this.#told = true;
    let own_bytes: number | null = null;
    for (const { pid, used_bytes } of processes) {
      // The driver lists a process a little longer than the kernel knows it: what it was stays what it was.
      if (!this.#own.has(pid) && !this.#foreign.has(pid)) {
        const owner = this.#ownerOf(pid);
        if (owner === "another") this.#foreign.add(pid);
        if (owner === "the run") this.#own.add(pid);
      }
      if (this.#own.has(pid) && used_bytes !== null) own_bytes = (own_bytes ?? 0) + used_bytes;
    }
    if (own_bytes !== null) this.#peak_own_bytes = Math.max(this.#peak_own_bytes ?? 0, own_bytes);
    return own_bytes;
  }

  /** How many others were seen; null where no list could be had. */
  get foreign(): number | null {
    return this.#told ? this.#foreign.size : null;
  }

  /** The most memory that the run's own processes had together in any list. */
  get peak_own_bytes(): number | null {
    return this.#peak_own_bytes;
  }
}

function seesHost(proc: string): boolean {
  if (process.platform !== "linux") return true;
  try {
    return readlinkSync(`${proc}/self/ns/pid`) === INITIAL_NAMESPACE;
  } catch {
    return false;
  }
}

type Owner = "the run" | "another" | "nobody any more";

/** Whose a process is: the run's when it, or the leader of its group, descends from `ancestor`. */
function ownerOf(pid: number, ancestor: number, proc: string): Owner {
  const stat = statOf(pid, proc);
  if (stat === null) return "nobody any more";
  return descends(pid, ancestor, proc) || descends(stat.group, ancestor, proc) ? "the run" : "another";
}

function descends(pid: number, ancestor: number, proc: string): boolean {
  for (let at = pid; at > 0;) {
    if (at === ancestor) return true;
    const stat = statOf(at, proc);
    if (stat === null) return false;
    at = stat.parent;
  }
  return false;
}

/** Fields 4 and 5 of /proc/<pid>/stat (proc(5)); the second, a name in parentheses, may have anything in it. */
function statOf(pid: number, proc: string): { readonly parent: number; readonly group: number } | null {
  try {
    const text = readFileSync(`${proc}/${pid}/stat`, "latin1");
    const [, parent, group] = /^ \S (\d+) (\d+)/u.exec(text.slice(text.lastIndexOf(")") + 1)) ?? [];
    return parent === undefined || group === undefined ? null : { parent: Number(parent), group: Number(group) };
  } catch {
    return null;
  }
}
