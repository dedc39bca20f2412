import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as harness from "../src/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

it("has this surface", () => {
  expect(Object.keys(harness).sort()).toEqual([
    "HarnessError",
    "MAX_CONFIGURATIONS",
    "MIN_COMPARED_STEPS",
    "MIN_FLOOR_RUNS",
    "assocData",
    "assocSample",
    "calibrate",
    "commandWorkload",
    "compareRuns",
    "cpuDevice",
    "defineSweep",
    "defineWorkload",
    "deviceNamed",
    "expandSweep",
    "floorKey",
    "isHarnessError",
    "localExecutor",
    "noiseFloorOf",
    "openSamples",
    "openStore",
    "planProbe",
    "probe",
    "readNoiseFloor",
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
