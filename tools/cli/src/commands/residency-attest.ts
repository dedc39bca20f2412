import { outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { text } from "../frame/options.js";
import { sidecarOptions, tierOption } from "./residency-options.js";

const takes = {
  operands: { shard: operand("SHARD", "the id of a sealed shard") },
  options: {
    ...sidecarOptions,
    nonce: text(
      "HEX",
      "32 bytes from whoever will verify, as 64 hexadecimal digits (default: random, printed on stderr)",
    ),
    tier: tierOption,
    out: outOption,
  },
};

/** A call of `vrx residency attest`. */
export type ResidencyAttestCall = CallOf<typeof takes>;

/** `vrx residency attest` */
export const residencyAttest = defineCommand({
  name: "attest",
  summary: "a signed statement that a shard was in VRAM, unchanged",
  description:
    "Have the sidecar verify a shard and sign what it found over a nonce; docs/residency.md says what that shows.",
  ...takes,
  examples: [
    { does: "over the verifier's nonce", line: "vrx residency attest shard-01ab --nonce 00ff... -o attestation.json" },
  ],
  exits: { 2: "no sidecar answers, or there is no such shard", 4: "the seal is broken" },
  load: async () => (await import("../actions/residency-attest.js")).run,
});
