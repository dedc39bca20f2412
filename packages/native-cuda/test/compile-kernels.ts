import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Compiles the kernels of the tests for the fake driver, once; without a C++ compiler the tests that need them skip. */
export function setup(): void {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const build = at("../../../tools/workspace/kernels/build.mjs");
  const args = [build, at("kernels-for-launches"), "--host", "--out", at("../build/kernels-for-launches")];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the kernels of the tests do not compile: ${stderr}`);
}
