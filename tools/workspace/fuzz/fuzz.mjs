// Coverage-guided fuzzing without native code: keeps the inputs that reach new blocks of the target, mutates those.
//
//   node tools/workspace/fuzz/fuzz.mjs TARGET.ts [--corpus DIR] [--iterations N] [--seed N] [--max-bytes N] [--out DIR]
//
// TARGET.ts exports `fuzz(bytes: Uint8Array): void`, which throws when it finds a defect. It is bundled with what it
// imports, so that coverage is counted in the sources under test and nowhere else. The files of the corpus are the
// first inputs. Exit code: 0 nothing found, 1 a crasher (minimised, written to --out, told on stdout), 2 usage.
import { spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    corpus: { type: "string" },
    iterations: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    "max-bytes": { type: "string", default: "4096" },
    out: { type: "string", default: "." },
  },
});
const [target] = positionals;
const numbers = [values.iterations, values.seed, values["max-bytes"]];
if (target === undefined || positionals.length !== 1 || !numbers.every((text) => /^\d+$/.test(text))) {
  console.error("usage: fuzz.mjs TARGET.ts [--corpus DIR] [--iterations N] [--seed N] [--max-bytes N] [--out DIR]");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "vrx-fuzz-"));
try {
  const bundle = join(folder, "target.mjs");
  await build({
    entryPoints: [target],
    bundle: true,
    format: "esm",
    platform: "node",
    outfile: bundle,
    logLevel: "error",
    // Packages in CommonJS ask for modules of Node by this name.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    alias: await sourceAliases(),
  });
  mkdirSync(resolve(values.out), { recursive: true });
  const job = {
    target: bundle,
    corpus: values.corpus === undefined ? null : resolve(values.corpus),
    iterations: Number(values.iterations),
    seed: Number(values.seed),
    maxBytes: Number(values["max-bytes"]),
    out: resolve(values.out),
  };
  const worker = fileURLToPath(new URL("worker.mjs", import.meta.url));
  const { status, signal } = spawnSync(process.execPath, [worker, JSON.stringify(job)], { stdio: "inherit" });
  if (status === null)
    console.error(`fuzz: the target ended the process with ${signal}; the input is in ${job.out}/last-input`);
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Sources of sibling packages instead of their builds, as in the tests. */
async function sourceAliases() {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const { readFile } = await import("node:fs/promises");
  const { compilerOptions } = JSON.parse(await readFile(join(root, "tsconfig.source.json"), "utf8"));
  return Object.fromEntries(Object.entries(compilerOptions.paths).map(([name, [file]]) => [name, join(root, file)]));
}
