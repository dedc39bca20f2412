import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { runFuzzer } from "../../../../tools/workspace/fuzz/run-fuzzer.js";

const targets = fileURLToPath(new URL("../fuzz/", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "vrx-crashers-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

test("10,000 inputs, chosen by what they reach, break no promise of the readers", { timeout: 600_000 }, () => {
  const args = ["--corpus", `${targets}corpus`, "--iterations", "10000"];
  const { status, output } = runFuzzer(`${targets}readers.target.ts`, args, out);
  console.log(output);
  expect(output).toMatch(/seed \d+/);
  expect(status, output).toBe(0);
});
