import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { answerExits, answerOptions, folders } from "./runs-common.js";

const takes = {
  operands: {
    run: operand("RUN", "a run directory, the end of its path, or the beginning of a workload's id or digest"),
    folders,
  },
  options: answerOptions,
};

/** A call of `vrx runs show`. */
export type RunsShowCall = CallOf<typeof takes>;

/** `vrx runs show` */
export const runsShow = defineCommand({
  name: "show",
  summary: "show everything that is known of one run, or of each of a workload",
  ...takes,
  interruptible: true,
  examples: [
    { does: "one run", line: "vrx runs show runs/mine" },
    { does: "each run of a workload", line: "vrx runs show wl_v1_37d4c849bed8 --json" },
  ],
  exits: { ...answerExits, 2: "there is no such run, or as for `vrx runs query`" },
  load: async () => (await import("../actions/runs-show.js")).run,
});
