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

/** A call of `vrx sweep report`. */
export type SweepReportCall = CallOf<typeof takes>;

/** `vrx sweep report` */
export const sweepReport = defineCommand({
  name: "report",
  summary: "write the packets and the report of what is there",
  description:
    "Join the results that are there into packets and write packets.jsonl, sweep.json, summary.csv, metrics.prom and report.html, without running anything. Every result is checked before it counts.",
  ...takes,
  examples: [{ does: "of the demonstration", line: "vrx sweep report workloads/demo.sweep.yaml" }],
  exits: { 0: "the report is written", 2: "the file is no sweep, or the report cannot be written" },
  load: async () => (await import("../actions/sweep-report.js")).run,
});
