import { expect, test } from "vitest";
import { compareWithPython } from "../support/compare-with-python.js";
import { pythonVersion } from "../support/python.js";

const version = pythonVersion();

test.skipIf(version === null)(
  version === null
    ? "skipped: there is no python3 on the path"
    : "100,000 structured specs: Python and this reader agree",
  { timeout: 600_000 },
  () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    console.log(`differential fuzz against Python ${String(version?.join("."))}, seed ${seed}`);
    const { valid, invalid, disagreements } = compareWithPython(100_000, seed);
    console.log(`${valid} valid, ${invalid} refused`);
    expect(disagreements.slice(0, 5)).toEqual([]);
    expect(Math.min(valid, invalid)).toBeGreaterThan(20_000);
  },
);
