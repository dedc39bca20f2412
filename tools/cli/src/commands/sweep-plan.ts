import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { text } from "../frame/options.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: { sweep: operand("SWEEP", "a sweep file, YAML or JSON (docs/sweeps.md)", { completes: "file" }) },
  options: {
    out: text("DIR", "the folder of the sweep (default: sweeps/<name>)", { short: "o", completes: "directory" }),
    prices: text("FILE", "a price table, for what is left at the prices of this host's device", { completes: "file" }),
    "fake-driver": fakeDriverOption,
    json: jsonOption,
  },
};

/** A call of `vrx sweep plan`. */
export type SweepPlanCall = CallOf<typeof takes>;

/** `vrx sweep plan` */
export const sweepPlan = defineCommand({
  name: "plan",
  summary: "show every trial of a sweep before anything runs",
  description:
    "Check a sweep file and show what it would run: each configuration, the digests of its trials, the memory the " +
    "engine will need, the operations of its steps, the time they are expected to take, with --prices what that costs, " +
    "and which results are there already. Nothing is run.",
  ...takes,
  examples: [
    { does: "what a sweep would do", line: "vrx sweep plan workloads/demo.sweep.yaml" },
    { does: "and what it would cost", line: "vrx sweep plan my.sweep.yaml --prices prices.json" },
    { does: "for a program", line: "vrx sweep plan my.sweep.yaml --json" },
  ],
  exits: { 0: "the plan is printed", 2: "the file is no sweep, or none of its configurations can be run" },
  load: async () => (await import("../actions/sweep-plan.js")).run,
});
