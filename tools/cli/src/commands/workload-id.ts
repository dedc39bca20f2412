import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { flag } from "../frame/options.js";
import { dialectOption, specOperands } from "./spec-inputs.js";

const takes = {
  operands: { specs: specOperands },
  options: {
    full: flag("print all 64 digits of the digest: 12 are for people and collide"),
    json: jsonOption,
    dialect: dialectOption,
    out: outOption,
  },
};

/** A call of `vrx workload id`. */
export type WorkloadIdCall = CallOf<typeof takes>;

/** `vrx workload id` */
export const workloadId = defineCommand({
  name: "id",
  summary: "print the id of each spec",
  description:
    "Print the id of each spec: of one spec the id alone, of several `ID<TAB>NAME` per line. Good ones are printed " +
    "even when others are bad. A name that would break its line is printed as a JSON string.",
  ...takes,
  examples: [
    { does: "the id of a preset", line: "vrx workload id od1_small" },
    { does: "the ids of all specs in a folder", line: "vrx workload id workloads/*.json" },
    { does: "the full digest of a spec on standard input", line: "generate-spec | vrx workload id --full -" },
  ],
  exits: { 2: "a spec is bad or cannot be read; every problem is on stderr as FILE:LINE:COLUMN" },
  load: async () => (await import("../actions/workload-id.js")).run,
});
