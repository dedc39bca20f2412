import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { runFuzzer } from "../../../../tools/workspace/fuzz/run-fuzzer.js";

const targets = fileURLToPath(new URL("../fuzz/", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "vrx-crashers-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

test.each([
  ["sample-line.target.ts", "corpus", "the sample reader", 10_000],
  ["documents.target.ts", "documents", "the readers of sweeps, capacity models and batch targets", 4_000],
])("%s: inputs chosen by what they reach break no promise of it", { timeout: 600_000 }, (target, corpus, _, count) => {
  const args = ["--corpus", `${targets}${corpus}`, "--iterations", String(count)];
  const { status, output } = runFuzzer(`${targets}${target}`, args, out);
  console.log(output);
  expect(output).toMatch(/seed \d+/);
  expect(status, output).toBe(0);
});
