import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, optionalOperand } from "../frame/define-command.js";

const takes = {
  operands: { name: optionalOperand("NAME", "the preset to print") },
  options: { json: jsonOption, out: outOption },
};

/** A call of `vrx manifest presets`. */
export type ManifestPresetsCall = CallOf<typeof takes>;

/** `vrx manifest presets` */
export const manifestPresets = defineCommand({
  name: "presets",
  summary: "list the manifests that come along, or print one to start from",
  ...takes,
  examples: [
    { does: "the names", line: "vrx manifest presets" },
    { does: "a copy to change", line: "vrx manifest presets standard_transformer -o my_experiment.yml" },
  ],
  exits: { 0: "printed", 2: "there is no preset of that name" },
  load: async () => (await import("../actions/manifest-presets.js")).run,
});
