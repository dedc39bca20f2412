import { outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { integer, text } from "../frame/options.js";

const takes = {
  operands: {},
  options: {
    probe: text("DIR", "the run directory of a probe", { completes: "directory" }),
    assoc: text("DIR", "the folder with the report.json of a capability run", { completes: "directory" }),
    "ant-tier": text("TIER", "instead of the tier that follows from the size"),
    "token-budget": integer("ring tokens of the budget to record; 0: none", { min: 0, fallback: 0 }),
    "min-steps": integer("the fewest steps the budget may come to", { min: 0, fallback: 50 }),
    "max-steps": integer("the most steps the budget may come to", { min: 1, fallback: 5000 }),
    "capability-steps": integer("steps of the capability run, where they are not those of the budget; 0: they are", {
      min: 0,
      fallback: 0,
    }),
    out: outOption,
  },
};

/** A call of `vrx packet build`. */
export type PacketBuildCall = CallOf<typeof takes>;

/** `vrx packet build` */
export const packetBuild = defineCommand({
  name: "build",
  summary: "join a run directory and a capability report into one packet",
  description:
    "Join what a probe cost with what a capability run could do into one ant_ratio_packet_v0, printed as JSON. PASS is " +
    "read from the artifacts, never from an exit code; a fact that no artifact states is null; artifacts that say " +
    "something impossible, or that are of two configurations, are refused with all reasons.",
  ...takes,
  examples: [
    { does: "one packet", line: "vrx packet build --probe runs/p --assoc runs/a" },
    {
      does: "with its budget",
      line: "vrx packet build --probe runs/p --assoc runs/a --token-budget 1000000 -o packet.json",
    },
  ],
  exits: {
    0: "the packet is printed, whether it is PASS or not",
    2: "an artifact is missing, or the packet is refused",
  },
  load: async () => (await import("../actions/packet-build.js")).run,
});
