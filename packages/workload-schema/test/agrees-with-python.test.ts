import { describe, expect, test } from "vitest";
import { readWorkloadSpec } from "../src/index.js";
import { compareWithPython } from "./support/compare-with-python.js";
import { checkWithPython, pythonVersion } from "./support/python.js";

const version = pythonVersion();
const minor = version?.[1] ?? 0;

describe.skipIf(version === null)(
  version === null ? "skipped: there is no python3 on the path" : "against python3",
  () => {
    test("2,000 structured specs have the same canonical text or are refused by both", () => {
      const { valid, invalid, disagreements } = compareWithPython(2000, 20261122);
      expect(disagreements).toEqual([]);
      expect(Math.min(valid, invalid)).toBeGreaterThan(500);
    });

    test.skipIf(minor !== 11)(
      minor === 11 ? "nesting ends where Python's does" : "skipped: the limit of nesting is that of Python 3.11",
      () => {
        const nested = [992, 993, 994, 995].flatMap((levels) => [
          spec("[".repeat(levels - 1) + "]".repeat(levels - 1)),
          spec('{"a":'.repeat(levels - 1) + "0" + "}".repeat(levels - 1)),
        ]);
        const ours = nested.map((text) => readWorkloadSpec(text, { dialect: "python" }).status);
        const theirs = checkWithPython(nested.map((text) => new TextEncoder().encode(text)));
        expect(ours).toEqual(theirs.map((answer) => (answer === "invalid" ? "invalid" : "ok")));
        expect(new Set(ours).size).toBe(2);
      },
    );
  },
);

function spec(notes: string): string {
  return `{"schema_version":"workload_schema_v1","ant_spec":{"ring_len":1,"slot_dim":1,"ptr_dtype":"fp64","precision":"amp"},"colony_spec":{"seq_len":1,"synth_len":1,"batch_size":1,"ptr_update_every":1,"state_loop_samples":0},"notes":${notes}}`;
}
