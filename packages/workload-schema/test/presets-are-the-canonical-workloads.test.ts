import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { computeWorkloadId, findPreset, parseWorkloadSpec, presets } from "../src/index.js";

const ids = {
  od1_small: "wl_v1_37d4c849bed8",
  od1_real: "wl_v1_a87a40941a4c",
  od1_stress: "wl_v1_ab3432401162",
} as const;

describe.each(["od1_small", "od1_real", "od1_stress"] as const)("%s", (name) => {
  test("has the id that the schema's authors published", () => {
    expect(computeWorkloadId(presets[name])).toBe(ids[name]);
  });

  test("is the same as data and as a file", () => {
    const file = new URL(`../../../workloads/${name}_v1.json`, import.meta.url);
    expect(parseWorkloadSpec(readFileSync(file))).toEqual(presets[name]);
  });

  test("is found by its short and its long name, trimmed, in any case", () => {
    for (const spelling of [name, name.replace("od1_", "od1_canon_"), ` ${name.toUpperCase()}\n`])
      expect(findPreset(spelling)).toBe(presets[name]);
  });
});

test("nothing else is a preset, not even what every object has", () => {
  for (const name of ["", "od1", "od1_canon_", "od1_canon_canon_small", "toString", "__proto__", "constructor"])
    expect(findPreset(name)).toBeUndefined();
});

test("presets cannot be changed by who uses them", () => {
  expect(Object.isFrozen(presets)).toBe(true);
  expect(Object.isFrozen(presets.od1_small.ant_spec)).toBe(true);
});
