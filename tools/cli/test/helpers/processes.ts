import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

interface Process {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly commandLine: string;
}

function processes(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return [
          { pid: Number(pid), state: fields[0]!, parent: Number(fields[1]), group: Number(fields[2]), commandLine },
        ];
      } catch {
        return [];
      }
    });
}

/** The child of a process whose command line has this word, as soon as there is one; by /proc. */
export async function childOf(parent: number, word: string): Promise<number> {
  for (;;) {
    const child = processes().find((entry) => entry.parent === parent && entry.commandLine.includes(word));
    if (child !== undefined) return child.pid;
    await sleep(20);
  }
}

/** The living members of a process group, by /proc. */
export function membersOf(group: number): number[] {
  return processes().flatMap((entry) => (entry.group === group && entry.state !== "Z" ? [entry.pid] : []));
}
