import { build } from "esbuild";
import { type SpawnSyncReturns, spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledModules } from "../../../../tools/workspace/bundled.js";
import { folder } from "./runs.js";

const root = fileURLToPath(new URL("../../../..", import.meta.url));

/** What a program did. */
export type Ended = Pick<SpawnSyncReturns<string>, "stdout" | "stderr" | "status" | "signal">;

/** A program of its own, from TypeScript that may import this package's sources; gives the path of its file. */
export async function program(code: string): Promise<string> {
  const result = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    external: ["vitest"],
    tsconfig: `${root}/tsconfig.source.json`,
    plugins: [bundledModules()],
  });
  const dir = folder();
  chmodSync(dir, 0o755);
  const file = join(dir, "program.mjs");
  writeFileSync(file, result.outputFiles[0]!.text);
  return file;
}

/** Runs a command to its end; it is killed after 30 s. */
export function run(command: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: "1" }, // whoever runs the tests may want colours
      timeout: 30_000,
      killSignal: "SIGTERM",
    });
    const texts = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.stderr += text));
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ ...texts, status, signal }));
  });
}

/** The same for a program of `program`. */
export const runNode = (file: string, ...args: string[]): Promise<Ended> => run(process.execPath, [file, ...args]);
