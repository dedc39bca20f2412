import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { verifyProofBundle } from "../../src/proof-bundle.js";
import { temporaryFolder } from "../temporary-folder.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const run = (folder: string, id: string) =>
  spawnSync(
    process.execPath,
    [
      vitest,
      "run",
      "test/managers-fail-closed.test.ts",
      "test/budgets-are-never-exceeded.test.ts",
      "-t",
      "exceeded|fits exactly",
    ],
    {
      cwd: root,
      env: { ...process.env, LLORCH_PROOF_DIR: folder, LLORCH_RUN_ID: id },
      encoding: "utf8",
      timeout: 200_000,
    },
  );

it(
  "the tests of this package leave a bundle where they are told to, with seeds and a timeline",
  { timeout: 300_000 },
  () => {
    const folder = temporaryFolder();
    const { status, stdout, stderr } = run(folder, "run-1");
    expect(status, stdout + stderr).toBe(0);
    const bundle = join(folder, "unit/run-1");
    expect(verifyProofBundle(bundle)).toEqual({ status: "intact" });
    const text = (name: string) => readFileSync(join(bundle, name), "utf8");
    const { verdict } = JSON.parse(text("manifest.json")) as { verdict: object };
    expect(verdict).toMatchObject({ status: "passed", failed: 0, mode: "simulated" });
    expect(text("seeds.txt").match(/^seed=-?\d+$/gmu)).toHaveLength(2);
    const allocations = text("allocations.ndjson").trimEnd().split("\n").slice(1);
    const events = allocations.map((line) => JSON.parse(line) as { event_type: string; at_ms: number });
    expect(events.filter(({ event_type }) => event_type === "VramAllocated").length).toBeGreaterThan(8);
    expect(events.filter(({ event_type }) => event_type === "VramDeallocated").length).toBeGreaterThan(8);
    expect(text("tests.ndjson")).toMatch(/never exceeded by twenty that race.*passed/u);
  },
);

it("a run whose id would leave the folder writes nothing and fails", { timeout: 300_000 }, () => {
  const folder = temporaryFolder();
  const { status, stdout, stderr } = run(join(folder, "proofs"), "../outside");
  expect(status).not.toBe(0);
  expect(stdout + stderr).toMatch(/LLORCH_RUN_ID/u);
  expect([readdirSync(folder), existsSync(join(folder, "outside"))]).toEqual([[], false]);
});
