import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operands } from "../frame/define-command.js";
import { sidecarOptions } from "./residency-options.js";

const takes = {
  operands: { shards: operands("SHARD", "ids of sealed shards") },
  options: { ...sidecarOptions, json: jsonOption },
};

/** A call of `vrx residency release`. */
export type ResidencyReleaseCall = CallOf<typeof takes>;

/** `vrx residency release` */
export const residencyRelease = defineCommand({
  name: "release",
  summary: "wipe and free sealed shards",
  ...takes,
  examples: [{ does: "one shard", line: "vrx residency release shard-01ab" }],
  exits: { 2: "no sidecar answers, or it holds no such shard" },
  load: async () => (await import("../actions/residency-release.js")).run,
});
