import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const fuzzer = fileURLToPath(new URL("fuzz.mjs", import.meta.url));

/** What a run of the fuzzer ended with: 0 for nothing found, and everything it printed, its seed included. */
export interface FuzzRun {
  readonly status: number | null;
  readonly output: string;
}

/** Runs the coverage-guided fuzzer over a target (see fuzz.mjs for both); crashers go to `out`. */
export function runFuzzer(target: string, args: readonly string[], out: string): FuzzRun {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fuzzer, target, "--out", out, ...args], {
    encoding: "utf8",
    timeout: 500_000,
  });
  return { status, output: stdout + stderr };
}
