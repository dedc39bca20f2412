import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { flag } from "../frame/options.js";
import { dialectOption, specOperand } from "./spec-inputs.js";

const takes = {
  operands: { spec: specOperand },
  options: {
    canonical: flag("print the canonical bytes whose SHA-256 is the digest, without a final line feed"),
    env: flag("print the environment variables of the spec as shell assignments"),
    json: jsonOption,
    dialect: dialectOption,
    out: outOption,
  },
};

/** A call of `vrx workload show`. */
export type WorkloadShowCall = CallOf<typeof takes>;

/** `vrx workload show` */
export const workloadShow = defineCommand({
  name: "show",
  summary: "print what of a spec counts: its canonical form, its environment variables",
  description:
    "Print the canonical form of a spec, without the names and notes that are not part of its id; or the VRX_* " +
    "variables it stands for.",
  ...takes,
  examples: [
    { does: "the canonical form of a preset", line: "vrx workload show od1_real" },
    { does: "the digest by other means", line: "vrx workload show od1_real --canonical | sha256sum" },
    {
      does: "run a program with the variables of a spec",
      line: "env $(vrx workload show od1_real --env) python train.py",
    },
    { does: "ids, canonical form and variables for a program", line: "vrx workload show od1_real --json" },
  ],
  load: async () => (await import("../actions/workload-show.js")).run,
});
