import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, optionalOperand } from "../frame/define-command.js";
import { choice, flag, integer, text } from "../frame/options.js";
import { sidecarOptions, tierOption } from "./residency-options.js";

const takes = {
  operands: { shard: optionalOperand("SHARD", "the id of a sealed shard (default: all)") },
  options: {
    ...sidecarOptions,
    tier: tierOption,
    leaves: integer("how many leaves --tier leaves draws", { min: 1, max: 10_000_000, fallback: 1000 }),
    attestation: text("FILE", "verify this attestation instead, without a GPU or a sidecar; takes --nonce and a key", {
      completes: "file",
    }),
    group: text(
      "FILES",
      "verify these seals (what `seal --json` printed, separated by commas) as one tensor-parallel model instead",
      { completes: "file" },
    ),
    "group-digest": text("HEX", "the digest that this group must have"),
    nonce: text("HEX", "the nonce that the attestation was asked with"),
    "public-key": text("FILE", "Ed25519 public key (PEM) of the worker", { completes: "file" }),
    "external-key": text("FILE", "Ed25519 public key (PEM) that the worker does not hold: level L1", {
      completes: "file",
    }),
    "worker-token-file": text(
      "FILES",
      "the worker's token, or several separated by commas: checks what the seal key signed",
      { completes: "file" },
    ),
    "min-level": choice(["L0", "L1", "L2"], "the least level of trust that will do", "L0"),
    "max-age-s": integer("the oldest attestation that will do, in seconds", { min: 0, fallback: undefined }),
    "allow-simulated": flag("accept an attestation that was made on the fake driver"),
    json: jsonOption,
  },
};

/** A call of `vrx residency verify`. */
export type ResidencyVerifyCall = CallOf<typeof takes>;

/** `vrx residency verify` */
export const residencyVerify = defineCommand({
  name: "verify",
  summary: "whether sealed bytes are still what was sealed, or whether an attestation holds",
  description:
    "Have the sidecar verify a shard, or all of them, by one of four tiers. What it costs and what it can miss is printed. " +
    "With --attestation or --group, verify signed statements on this host alone.",
  ...takes,
  examples: [
    { does: "every byte, hashed on the device", line: "vrx residency verify shard-01ab" },
    { does: "a thousand leaves of each shard", line: "vrx residency verify --tier leaves --leaves 1000" },
    {
      does: "a statement, on a host without a GPU",
      line: "vrx residency verify --attestation a.json --nonce 00ff... --public-key worker.pub",
    },
    {
      does: "that two seals are all of one model",
      line: "vrx residency verify --group a.json,b.json --group-digest 00ff... --worker-token-file key",
    },
  ],
  exits: {
    2: "no sidecar answers, or there is no such shard or file",
    3: "nothing is sealed",
    4: "the seal is broken, or the attestation or the group is refused",
  },
  load: async () => (await import("../actions/residency-verify.js")).run,
});
