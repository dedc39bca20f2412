import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const fuzzer = fileURLToPath(new URL("../../../../tools/workspace/fuzz/fuzz.mjs", import.meta.url));
const folder = fileURLToPath(new URL("../fuzz/", import.meta.url));

/** Runs the coverage-guided fuzzer over a target of test/fuzz; crashers go to `out`. */
export function runFuzzer(
  target: string,
  args: readonly string[],
  out: string,
): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fuzzer, folder + target, "--out", out, ...args], {
    encoding: "utf8",
    timeout: 500_000,
  });
  return { status, output: stdout + stderr };
}

export const corpus = `${folder}corpus`;
