import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as harness from "../src/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

it("has this surface", () => {
  expect(Object.keys(harness).sort()).toEqual([
    "HarnessError",
    "MAX_CONFIGURATIONS",
    "assocData",
    "assocSample",
    "commandWorkload",
    "cpuDevice",
    "defineSweep",
    "defineWorkload",
    "deviceNamed",
    "expandSweep",
    "isHarnessError",
    "localExecutor",
    "openSamples",
    "openStore",
    "planProbe",
    "probe",
    "readSlurmOptions",
    "readSweep",
    "ringProcess",
    "ringWorkload",
    "runAttempt",
    "runCapability",
    "runSweep",
    "runTrial",
    "shardOf",
    "slurmExecutor",
    "slurmShard",
    "spawnTrial",
    "sweepMetrics",
    "sweepResults",
    "trialDigest",
    "trialOf",
    "trialsOf",
    "writeSweepReport",
  ]);
});

it.each(Object.keys(harness))("the README names %s", (name) => {
  expect(readme).toContain(name);
});
