import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { flag } from "../frame/options.js";
import { manifestOperand, manifestOptions } from "./manifest-inputs.js";

const takes = {
  operands: { manifest: manifestOperand },
  options: {
    ...manifestOptions,
    all: flag("plan every target"),
    shapes: flag("add what goes in and out of every layer, and its parameters"),
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx manifest plan`. */
export type ManifestPlanCall = CallOf<typeof takes>;

/** `vrx manifest plan` */
export const manifestPlan = defineCommand({
  name: "plan",
  summary: "show what a manifest comes to before anything runs",
  description:
    "Show what running a target comes to: its layers with every repetition written out, and for each run its " +
    "parameters, the operations and bytes of a step, the memory it will need, and the files it will write. The " +
    "figures are computed from the manifest; docs/manifest.md says how. Nothing is run.",
  ...takes,
  examples: [
    { does: "what a manifest would do", line: "vrx manifest plan experiment.yml" },
    { does: "another target, with the shapes", line: "vrx manifest plan preset:vit --target full --shapes" },
    { does: "for a program", line: "vrx manifest plan experiment.yml --all --json" },
  ],
  exits: { 0: "the plan is printed", 2: "the manifest is wrong or cannot be read, or there is no such target" },
  load: async () => (await import("../actions/manifest-plan.js")).run,
});
