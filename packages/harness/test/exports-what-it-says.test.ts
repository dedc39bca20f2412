import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as harness from "../src/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

it("has this surface", () => {
  expect(Object.keys(harness).sort()).toEqual([
    "HarnessError",
    "commandWorkload",
    "cpuDevice",
    "defineWorkload",
    "deviceNamed",
    "isHarnessError",
    "openSamples",
    "planProbe",
    "probe",
    "ringProcess",
    "ringWorkload",
  ]);
});

it.each(Object.keys(harness))("the README names %s", (name) => {
  expect(readme).toContain(name);
});
