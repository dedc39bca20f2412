import { type CallOf, defineCommand } from "../frame/define-command.js";
import { answerExits, answerOptions, folders } from "./runs-common.js";

const takes = { operands: { folders }, options: answerOptions };

/** A call of `vrx runs list`. */
export type RunsListCall = CallOf<typeof takes>;

/** `vrx runs list` */
export const runsList = defineCommand({
  name: "list",
  summary: "list runs with verdict and figures, the newest first",
  ...takes,
  interruptible: true,
  examples: [
    { does: "what is here", line: "vrx runs list" },
    { does: "of a sweep, as CSV", line: "vrx runs list sweeps/demo --csv" },
  ],
  exits: answerExits,
  load: async () => (await import("../actions/runs-list.js")).run,
});
