import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operands } from "../frame/define-command.js";
import { flag, text } from "../frame/options.js";

const takes = {
  operands: {
    runs: operands("RUN_DIR", "a run directory, as `vrx probe` writes it; or a file of packets, or anything sealed", {
      completes: "directory",
    }),
  },
  options: {
    complete: flag("first complete runs whose vrx was killed, from what is on disk; not while one is still measuring"),
    trust: text("FILE", "a key (PEM): a seal has to be by it, and there has to be one", { completes: "file" }),
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
    "something else than the samples. A seal (`vrx seal`) is checked as well: the signature, and every file by its SHA-256; " +
    "that there is none is said. Of several runs the exit code is that of the worst: " +
    "2 is worse than 4, then 1, then 3, then 0.",
  ...takes,
  examples: [
    { does: "the verdict on one run", line: "vrx check runs/20260101T120000Z_wl_v1_37d4c849bed8" },
    { does: "finish and judge what a killed vrx left behind", line: "vrx check --complete runs/mine" },
    { does: "whether what somebody sealed is what is here", line: "vrx check sweeps/demo --trust lab.key.pub" },
    { does: "the verdicts on all runs, for a program", line: "vrx check runs/* --json" },
  ],
  exits: {
    0: "the verdict is pass; of what is no run: its seal holds",
    1: "the verdict is fail",
    2: "a directory holds neither a run nor a seal",
    3: "the verdict is inconclusive or invalid, or there is no seal where --trust wants one",
    4: "artifacts disagree with each other, or a seal is broken",
  },
  load: async () => (await import("../actions/check.js")).run,
});
