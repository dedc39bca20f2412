import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { dialectOption, specOperands } from "./spec-inputs.js";

const takes = {
  operands: { specs: specOperands },
  options: { json: jsonOption, dialect: dialectOption, out: outOption },
};

/** A call of `vrx workload check`. */
export type WorkloadCheckCall = CallOf<typeof takes>;

/** `vrx workload check` */
export const workloadCheck = defineCommand({
  name: "check",
  summary: "say everything that is wrong with each spec",
  description:
    "Say everything that is wrong with each spec, one line per problem on stderr as FILE:LINE:COLUMN: CODE: MESSAGE. " +
    "Good specs are listed on stdout, as `NAME: ok`.",
  ...takes,
  examples: [
    { does: "every problem of a file", line: "vrx workload check my-workload.json" },
    { does: "the problems of all files, for a program", line: "vrx workload check --json workloads/*.json" },
  ],
  exits: { 0: "every spec is good", 2: "a spec is bad or cannot be read" },
  load: async () => (await import("../actions/workload-check.js")).run,
});
