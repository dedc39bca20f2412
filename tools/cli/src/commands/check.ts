import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operands } from "../frame/define-command.js";
import { flag } from "../frame/options.js";

const takes = {
  operands: { runs: operands("RUN_DIR", "a run directory, as `vrx probe` writes it", { completes: "directory" }) },
  options: {
    complete: flag("first complete runs whose vrx was killed, from what is on disk; not while one is still measuring"),
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx check`. */
export type CheckCall = CallOf<typeof takes>;

/** `vrx check` */
export const check = defineCommand({
  name: "check",
  summary: "judge runs again from their artifacts alone",
  description:
    "Judge runs again from their artifacts alone, under the contract they were made for: the verdict, every gate with " +
    "its value, limit and reason, the evidence level, and every place where an artifact or the recorded verdict says " +
    "something else than the samples. Of several runs the exit code is that of the worst: " +
    "2 is worse than 4, then 1, then 3, then 0.",
  ...takes,
  examples: [
    { does: "the verdict on one run", line: "vrx check runs/20260101T120000Z_wl_v1_37d4c849bed8" },
    { does: "finish and judge what a killed vrx left behind", line: "vrx check --complete runs/mine" },
    { does: "the verdicts on all runs, for a program", line: "vrx check runs/* --json" },
  ],
  exits: {
    0: "the verdict is pass",
    1: "the verdict is fail",
    2: "a directory holds no run",
    3: "the verdict is inconclusive or invalid",
    4: "artifacts disagree with each other",
  },
  load: async () => (await import("../actions/check.js")).run,
});
