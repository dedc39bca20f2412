import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";

const takes = { operands: {}, options: { json: jsonOption, out: outOption } };

/** A call of `vrx workload presets`. */
export type WorkloadPresetsCall = CallOf<typeof takes>;

/** `vrx workload presets` */
export const workloadPresets = defineCommand({
  name: "presets",
  summary: "list the specs that come with vrx, `ID<TAB>NAME` per line",
  ...takes,
  examples: [
    { does: "the names and ids of all presets", line: "vrx workload presets" },
    { does: "the specs themselves", line: "vrx workload presets --json" },
  ],
  load: async () => (await import("../actions/workload-presets.js")).run,
});
