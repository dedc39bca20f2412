import { readFile } from "node:fs/promises";
import { HarnessError } from "../errors.js";
import type { ProgramExit } from "./program.js";

// What allocators say on stderr when there is no memory left, beside the contract's own "out of memory".
const outOfMemory =
  /out of memory|cuda oom|MemoryError|std::bad_alloc|cannot allocate memory|CUDA_ERROR_OUT_OF_MEMORY/i;

/** The error a program's end amounts to, or null when it ended well (exit code 0). */
export function programFailure(exit: ProgramExit, stderr: string, oomKills: number | null): HarnessError | null {
  if (exit.code === 0) return null;
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const memoryLine = lines.findLast((line) => outOfMemory.test(line));
  const said = memoryLine ?? lines.at(-1);
  const killedForMemory = exit.signal === "SIGKILL" && oomKills !== null && oomKills > 0;
  const how = exit.signal === null ? `exited with code ${exit.code ?? "unknown"}` : `was ended by ${exit.signal}`;
  const why = killedForMemory
    ? "; the kernel ended a process because it was out of memory"
    : said === undefined
      ? ", and wrote nothing to stderr"
      : `: ${said.slice(0, 500)}`;
  // The contract knows an exhausted memory by these words.
  const words = memoryLine !== undefined && !/out of memory|cuda oom/i.test(memoryLine) ? " (out of memory)" : "";
  return new HarnessError(exit.signal === null ? "child_exit" : "child_killed", `the program ${how}${why}${words}`, {
    details: { exit_code: exit.code, signal: exit.signal },
  });
}

/** How many processes the kernel has ended for want of memory since it started; null where it does not tell. */
export async function countOomKills(): Promise<number | null> {
  try {
    const match = /^oom_kill (\d+)$/m.exec(await readFile("/proc/vmstat", "utf8"));
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}
