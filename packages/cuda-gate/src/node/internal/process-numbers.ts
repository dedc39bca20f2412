import { readFileSync, readlinkSync } from "node:fs";

/** The numbers that a process may have in the eyes of the driver, which counts as the host's kernel does. */
export interface ProcessNumbers {
  /** From the outermost namespace that can be seen to the innermost; the first is the host's where that can be seen. */
  readonly pids: readonly number[];
  /** Whether this process sees the host's own numbers; false in a container with a namespace of its own. */
  readonly sees_host: boolean;
}

/** The inode of the kernel's first PID namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h). */
const INITIAL_NAMESPACE = "pid:[4026531836]";

/** Looks a process up under /proc; where there is none (Windows), numbers are the host's. */
export function processNumbers(pid: number, proc = "/proc"): ProcessNumbers {
  if (process.platform !== "linux") return { pids: [pid], sees_host: true };
  return { pids: namespacePids(readText(`${proc}/${pid}/status`)) ?? [pid], sees_host: seesHost(proc) };
}

function seesHost(proc: string): boolean {
  try {
    return readlinkSync(`${proc}/self/ns/pid`) === INITIAL_NAMESPACE;
  } catch {
    return false;
  }
}

/** The line `NSpid:` of a status file (proc(5)); null where there is none. */
export function namespacePids(status: string): readonly number[] | null {
  const [, numbers] = /^NSpid:\t([\d\t]+)$/mu.exec(status) ?? [];
  return numbers?.split("\t").map(Number) ?? null;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process is gone, or hidden from this user.
    return "";
  }
}
