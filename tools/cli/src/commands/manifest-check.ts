import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { choice } from "../frame/options.js";
import { manifestOperand, manifestOptions } from "./manifest-inputs.js";

const takes = {
  operands: { manifest: manifestOperand },
  options: {
    ...manifestOptions,
    data: choice(["generate"], "generate: data that is not there and can be generated is no obstacle", undefined),
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx manifest check`. */
export type ManifestCheckCall = CallOf<typeof takes>;

/** `vrx manifest check` */
export const manifestCheck = defineCommand({
  name: "check",
  summary: "say everything that is wrong with a manifest, and what of it will not run here",
  description:
    "Read a manifest strictly, plan every target of it, and say everything that is wrong, one line per problem on " +
    "stderr as FILE:LINE:COLUMN: CODE: MESSAGE. Of a good one it also says what will not run on this host and " +
    "backend, each with the flag or the edit that mends it: devices, data, tokenizers, teachers, memory, and fields " +
    "that the backend would not honour.",
  ...takes,
  examples: [
    { does: "everything that is wrong", line: "vrx manifest check experiment.yml" },
    {
      does: "what keeps a preset from running here",
      line: "vrx manifest check preset:standard_transformer --target full",
    },
    { does: "with another value of a variable", line: "vrx manifest check experiment.yml --set d_model=1024" },
  ],
  exits: {
    0: "the manifest is good; whether all of it will run here is said on stdout",
    2: "the manifest is wrong or cannot be read, or there is no such target",
  },
  load: async () => (await import("../actions/manifest-check.js")).run,
});
