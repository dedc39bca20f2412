import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { answerExits, answerOptions, folders } from "./runs-common.js";

const takes = {
  operands: { pattern: operand("PATTERN", "a regular expression (RE2)"), folders },
  options: answerOptions,
};

/** A call of `vrx runs grep`. */
export type RunsGrepCall = CallOf<typeof takes>;

/** `vrx runs grep` */
export const runsGrep = defineCommand({
  name: "grep",
  summary: "find runs, packets, reports and trials by a word anywhere in them",
  description:
    "Find every value that matches a regular expression in the artifacts of runs, packets, reports and trials, with the place in " +
    "its document as a JSON path. Keys match as `key=value` does: `gpu_name=.*H100`.",
  ...takes,
  interruptible: true,
  examples: [
    { does: "runs on one kind of GPU", line: 'vrx runs grep "gpu_name=.*H100"' },
    { does: "whatever ran out of memory", line: 'vrx runs grep "out of memory" sweeps/demo' },
  ],
  exits: { ...answerExits, 1: "nothing matches" },
  load: async () => (await import("../actions/runs-grep.js")).run,
});
