import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { dialectOption, specOperand } from "./spec-inputs.js";

const takes = {
  operands: {
    before: { ...specOperand, name: "A" },
    after: operand("B", "the spec to compare it with", { completes: "spec" }),
  },
  options: { json: jsonOption, dialect: dialectOption, out: outOption },
};

/** A call of `vrx workload diff`. */
export type WorkloadDiffCall = CallOf<typeof takes>;

/** `vrx workload diff` */
export const workloadDiff = defineCommand({
  name: "diff",
  summary: "say which knobs differ between two specs",
  description:
    "Say which knobs differ between two specs, one per line with its value in A and in B; or that both are the same " +
    "workload, even where their names and notes differ.",
  ...takes,
  examples: [
    { does: "the difference between two presets", line: "vrx workload diff od1_small od1_real" },
    {
      does: "what a file changes of the preset it was made from",
      line: "vrx workload diff preset:od1_small my-workload.json",
    },
  ],
  exits: { 0: "the same workload", 1: "different workloads", 2: "a spec is bad or cannot be read" },
  load: async () => (await import("../actions/workload-diff.js")).run,
});
