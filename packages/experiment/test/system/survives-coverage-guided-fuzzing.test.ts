import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { runFuzzer } from "../../../../tools/workspace/fuzz/run-fuzzer.js";

const folder = fileURLToPath(new URL("../fuzz/", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "vrx-crashers-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

test("20,000 files, chosen by what they reach, break no promise of the readers of data", { timeout: 600_000 }, () => {
  const { status, output } = runFuzzer(
    `${folder}readers.target.ts`,
    ["--corpus", `${folder}corpus`, "--iterations", "20000"],
    out,
  );
  console.log(output);
  expect(output).toMatch(/seed \d+/);
  expect(status, output).toBe(0);
});
