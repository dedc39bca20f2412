import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { text } from "../frame/options.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: { sweep: operand("SWEEP", "a sweep file, YAML or JSON (docs/sweeps.md)", { completes: "file" }) },
  options: {
    out: text("DIR", "the folder of the sweep (default: sweeps/<name>)", { short: "o", completes: "directory" }),
    "fake-driver": fakeDriverOption,
    json: jsonOption,
  },
};

/** A call of `vrx sweep status`. */
export type SweepStatusCall = CallOf<typeof takes>;

/** `vrx sweep status` */
export const sweepStatus = defineCommand({
  name: "status",
  summary: "say how far a sweep is, by its journal alone",
  description:
    "Count the trials of a sweep by status, from the journal of its folder. Nothing is run, and no result is opened.",
  ...takes,
  examples: [{ does: "of the demonstration", line: "vrx sweep status workloads/demo.sweep.yaml" }],
  exits: { 0: "the counts are printed", 2: "the file is no sweep" },
  load: async () => (await import("../actions/sweep-status.js")).run,
});
