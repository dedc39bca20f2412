import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { decimal, integer } from "../frame/options.js";

const takes = {
  operands: {
    runs: operand("RUNS", "a folder with run directories, at any depth up to 4", { completes: "directory" }),
  },
  options: {
    "measure-steps": integer("count runs with so many measured steps (default: the most of any run that passed)", {
      min: 1,
      fallback: undefined,
    }),
    "guard-ratio": decimal("the largest share of the memory a batch may take (default: 0.92)"),
    "safe-start-ratio": decimal("the share to start a search with (default: 0.85)"),
    out: outOption,
    json: jsonOption,
  },
};

/** A call of `vrx batch fit`. */
export type BatchFitCall = CallOf<typeof takes>;

/** `vrx batch fit` */
export const batchFit = defineCommand({
  name: "fit",
  summary: "fit a capacity model to runs: how memory grows with the batch",
  description:
    "Read run directories, judge each again, and fit a line through the allocated peaks of those that pass, for each " +
    "combination of ant and colony. The result is a capacity_model_v1 for the device they ran on. Runs must be of one " +
    "device, one precision and one expert head. A folder that cannot be used is named with the reason, and left out.",
  ...takes,
  examples: [{ does: "a model of the runs so far", line: "vrx batch fit runs -o capacity_model_v1.json" }],
  exits: { 0: "the model is printed", 2: "the folder cannot be read, or its runs give no model" },
  load: async () => (await import("../actions/batch-fit.js")).run,
});
