import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { flag, integer, text } from "../frame/options.js";
import { sidecarOptions } from "./residency-options.js";

const takes = {
  operands: {
    file: operand("FILE", "the model; below one of the sidecar's model roots, unless --send", { completes: "file" }),
  },
  options: {
    ...sidecarOptions,
    send: flag("send the bytes, instead of letting the sidecar open the file"),
    "model-ref": text("NAME", "what the model is called; signed"),
    "shard-id": text("ID", "the shard's id (default: a random one)"),
    shard: text("I/N", "this is part I of N, counted from 0, of a tensor-parallel model"),
    digest: text("HEX", "the SHA-256 that the bytes must have"),
    "tree-digest": text("HEX", "the fs-verity digest that they must have, as `vrx digest` prints it"),
    "fs-verity": flag("the bytes must have the digest that the kernel enforces for the file (fsverity enable)"),
    "model-signing": text("FILE", "take the digest from this OpenSSF model-signing bundle; takes --signing-key", {
      completes: "file",
    }),
    "signing-key": text("FILE", "the signer's public key (PEM)", { completes: "file" }),
    tensors: flag("keep a digest for each tensor of a safetensors file"),
    "timeout-s": integer("give up after so many seconds (default: never)", { min: 1, fallback: undefined }),
    json: jsonOption,
  },
};

/** A call of `vrx residency seal`. */
export type ResidencySealCall = CallOf<typeof takes>;

/** `vrx residency seal` */
export const residencySeal = defineCommand({
  name: "seal",
  summary: "copy a model into VRAM and seal it",
  description:
    "Have the sidecar copy a model to the device, compare what arrived with what was sent and with what you expect, and seal it.",
  ...takes,
  interruptible: true,
  examples: [
    {
      does: "a file that must be the signed one",
      line: "vrx residency seal /models/m/model.safetensors --model-signing m/model.sig --signing-key key.pub",
    },
    { does: "part 0 of 4", line: "vrx residency seal part0.bin --shard 0/4 --model-ref llama" },
  ],
  exits: {
    2: "no sidecar answers, the file is not one it may open, or there is not enough VRAM",
    4: "the bytes are not those that were expected",
  },
  load: async () => (await import("../actions/residency-seal.js")).run,
});
