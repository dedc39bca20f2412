import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { text } from "../frame/options.js";

const takes = {
  operands: { directory: operand("DIR", "the folder of an experiment that was run", { completes: "directory" }) },
  options: {
    out: text("DIR", "the folder of the repetition (default: beside DIR)", { short: "o", completes: "directory" }),
    json: jsonOption,
  },
};

/** A call of `vrx manifest reproduce`. */
export type ManifestReproduceCall = CallOf<typeof takes>;

/** `vrx manifest reproduce` */
export const manifestReproduce = defineCommand({
  name: "reproduce",
  summary: "run an experiment again from its folder, and say whether it comes out the same",
  description:
    "Run the experiment of a folder again, from its resolved manifest and from the first step, and compare the data, the " +
    "weights and every figure but times and memory. Relative paths are taken from the current folder, as in the first run.",
  ...takes,
  interruptible: true,
  examples: [
    { does: "an experiment again", line: "vrx manifest reproduce artifacts/mlp_classifier/smoke/20260101_120000" },
  ],
  exits: {
    0: "the figures agree",
    1: "they do not; each difference is on stdout",
    2: "the folder is none of an experiment, or its data is not there",
    130: "interrupted by SIGINT",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/manifest-reproduce.js")).run,
});
