import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operands } from "../frame/define-command.js";
import { flag, text } from "../frame/options.js";

const takes = {
  operands: {
    sweeps: operands("DIR", "the folder of a sweep, with its packets.jsonl", { completes: "directory" }),
  },
  options: {
    out: text("SITE", "the folder of the site (default: site)", { short: "o", completes: "directory" }),
    title: text("TITLE", "what the site is called (default: Cost against capability)"),
    "without-pictures": flag(
      "leave out the pictures, as is done where the packages vega or @resvg/resvg-js are missing",
    ),
    "as-is": flag("publish packets as they are, with paths, host names and the texts of errors"),
    json: jsonOption,
  },
};

/** A call of `vrx sweep publish`. */
export type SweepPublishCall = CallOf<typeof takes>;

/** `vrx sweep publish` */
export const sweepPublish = defineCommand({
  name: "publish",
  summary: "put the packets of several sweeps into one folder that can be served as a site",
  description:
    "Put the packets of several sweeps into one folder: a first page, a report of each sweep and of all together, their " +
    "charts, and the figures as CSV and JSON lines. Only figures, settings and identities are published: no paths, no " +
    "host names, no error texts. Sweeps published there before stay, one of the same name is replaced, and publishing " +
    "the same sweeps again changes no byte.",
  ...takes,
  examples: [
    { does: "one sweep", line: "vrx sweep publish sweeps/demo --out site" },
    { does: "several, for a program", line: "vrx sweep publish sweeps/a sweeps/b --out site --json" },
  ],
  exits: {
    0: "the site is written",
    2: "a folder holds no packets, two sweeps have one name, or the site cannot be written",
  },
  load: async () => (await import("../actions/sweep-publish.js")).run,
});
