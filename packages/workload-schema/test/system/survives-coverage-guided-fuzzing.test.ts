import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { runFuzzer } from "../../../../tools/workspace/fuzz/run-fuzzer.js";

const targets = fileURLToPath(new URL("../fuzz/", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "vrx-crashers-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

test("the fuzzer finds a planted defect and makes its input small", { timeout: 600_000 }, () => {
  const { status, output } = runFuzzer(`${targets}planted.target.ts`, ["--iterations", "200000", "--seed", "7"], out);
  expect(output).toContain("the planted defect");
  expect(status).toBe(1);
  const [crasher] = readdirSync(out).filter((name) => name.startsWith("crasher"));
  expect([...readFileSync(join(out, crasher!))]).toEqual([0x7b, 0x22, 0x9b]);
});

test("20,000 inputs, chosen by what they reach, break no promise of the reader", { timeout: 600_000 }, () => {
  const { status, output } = runFuzzer(
    `${targets}reader.target.ts`,
    ["--corpus", `${targets}corpus`, "--iterations", "20000"],
    out,
  );
  console.log(output);
  expect(output).toMatch(/seed \d+/);
  expect(status, output).toBe(0);
});
