import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../python/check_specs.py", import.meta.url));

/** The version of the `python3` on the path, as [3, 11, 7], or null without one. */
export function pythonVersion(): readonly number[] | null {
  const { status, stdout } = spawnSync("python3", ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.replace("Python ", "").split(".").map(Number) : null;
}

/** What Python makes of each spec: its canonical text, or "invalid". */
export function checkWithPython(specs: readonly Uint8Array[]): readonly string[] {
  const input = specs.map((bytes) => Buffer.from(bytes).toString("base64")).join("\n");
  const { status, stdout, stderr } = spawnSync("python3", [script], { input, encoding: "utf8", maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(`check_specs.py failed: ${stderr}`);
  const answers = stdout.trimEnd().split("\n");
  if (answers.length !== specs.length) throw new Error(`${answers.length} answers for ${specs.length} specs`);
  return answers;
}
