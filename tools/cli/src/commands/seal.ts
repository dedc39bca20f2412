import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operands } from "../frame/define-command.js";
import { flag, text } from "../frame/options.js";

const takes = {
  operands: {
    paths: operands("PATH", "a run directory, the folder of a sweep, or a file such as packets.jsonl", {
      completes: "file",
    }),
  },
  options: {
    key: text("FILE", "the private Ed25519 key (PEM) to sign with", { completes: "file" }),
    "make-key": flag("make the key first, into the file of --key, and FILE.pub beside it for those who check"),
    json: jsonOption,
  },
};

/** A call of `vrx seal`. */
export type SealCall = CallOf<typeof takes>;

/** `vrx seal` */
export const seal = defineCommand({
  name: "seal",
  summary: "sign what a run, a sweep or a file of packets is, so that changes are found",
  description:
    "Write a seal: an in-toto statement over the SHA-256 of every file, in a DSSE envelope signed with Ed25519. That of a " +
    "folder is seal.json in it, that of a file is FILE.seal.json beside it. `vrx check` verifies it. Seal what is finished: " +
    "a file that is added or changed afterwards breaks the seal. A seal that is there is never replaced.",
  ...takes,
  examples: [
    { does: "with a new key", line: "vrx seal runs/mine --key lab.key --make-key" },
    { does: "a whole sweep, artifacts and all", line: "vrx seal sweeps/demo --key lab.key" },
    { does: "the packets alone", line: "vrx seal sweeps/demo/packets.jsonl --key lab.key" },
  ],
  exits: { 0: "everything is sealed", 2: "the key is none, something cannot be read, or a seal is there already" },
  load: async () => (await import("../actions/seal.js")).run,
});
