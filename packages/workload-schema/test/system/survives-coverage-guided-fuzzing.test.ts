import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { corpus, runFuzzer } from "../support/run-fuzzer.js";

const out = mkdtempSync(join(tmpdir(), "vrx-crashers-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

test("the fuzzer finds a planted defect and makes its input small", { timeout: 600_000 }, () => {
  const { status, output } = runFuzzer("planted.target.ts", ["--iterations", "200000", "--seed", "7"], out);
  expect(output).toContain("the planted defect");
  expect(status).toBe(1);
  const [crasher] = readdirSync(out).filter((name) => name.startsWith("crasher"));
  expect([...readFileSync(join(out, crasher!))]).toEqual([0x7b, 0x22, 0x9b]);
});

test("20,000 inputs, chosen by what they reach, break no promise of the reader", { timeout: 600_000 }, () => {
  const { status, output } = runFuzzer("reader.target.ts", ["--corpus", corpus, "--iterations", "20000"], out);
  console.log(output);
  expect(output).toMatch(/seed \d+/);
  expect(status, output).toBe(0);
});
