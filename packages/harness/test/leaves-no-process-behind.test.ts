import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { probe } from "../src/probe.js";
import { fp64Spec, pythonChild } from "./python-child.js";

/** The processes of a group, by /proc; zombies are gone already. */
function membersOf(group: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const [state, , pgrp] = readFileSync(`/proc/${pid}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return Number(pgrp) === group && state !== "Z";
      } catch {
        return false;
      }
    });
}

describe.skipIf(process.platform !== "linux")("when a run is over", () => {
  it.each(["leaves_children", "forks"])("nothing that the program started is left: %s", async (behaviour) => {
    let printed = "";
    const workload = pythonChild(behaviour, {
      onOutput: (stream, chunk) => {
        if (stream === "stdout") printed += Buffer.from(chunk).toString();
      },
    });
    const result = await probe(workload, fp64Spec, { warmup_steps: 2, measure_steps: 20 });
    if (behaviour === "leaves_children") {
      expect(result.verdict.status).toBe("pass");
      expect(printed).toMatch(/^\d+\n$/);
      expect(membersOf(Number(printed))).toEqual([]);
    } else {
      expect(result.outcome.stop_reason).toBe("too_few_samples");
    }
  });
});
