import { readFileSync, readdirSync } from "node:fs";

interface Process {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
}

function processes(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return [{ pid: Number(pid), state: fields[0]!, parent: Number(fields[1]), group: Number(fields[2]) }];
      } catch {
        return [];
      }
    });
}

/** The children of a process, by /proc. */
export function childrenOf(parent: number): number[] {
  return processes().flatMap((entry) => (entry.parent === parent ? [entry.pid] : []));
}

/** The living members of a process group, by /proc. */
export function membersOf(group: number): number[] {
  return processes().flatMap((entry) => (entry.group === group && entry.state !== "Z" ? [entry.pid] : []));
}
