import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, anyOperands, defineCommand } from "../frame/define-command.js";
import { flag, integer, text } from "../frame/options.js";

const takes = {
  operands: {
    files: anyOperands("FILE", "a file to hash; with --check, which of the list to look at (default: all)", {
      completes: "file",
    }),
  },
  options: {
    salt: text("HEX", "up to 32 bytes that come before every block, as hexadecimal digits"),
    compact: flag("print the digits alone, without the algorithm and the file's name"),
    check: text("LIST", "compare files with the digests in LIST, as this command printed them", { completes: "file" }),
    threads: integer("threads (default: as many as there are cores)", { min: 1, max: 1024, fallback: undefined }),
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx digest`. */
export type DigestCall = CallOf<typeof takes>;

/** `vrx digest` */
export const digest = defineCommand({
  name: "digest",
  summary: "the fs-verity digest of files",
  description:
    "The fs-verity SHA-256 digest of files, as `fsverity digest` prints it: `sha256:HEX FILE`. It is the root of a tree over " +
    "blocks of 4096 bytes, so that all cores work on one file, and that the same digest can be made of the file's bytes in " +
    "the memory of a GPU. With --check, says of every file of a list whether it is what it was.",
  ...takes,
  examples: [
    { does: "the digest of a model", line: "vrx digest model.safetensors" },
    { does: "keep the digests of many files", line: "vrx digest *.safetensors -o digests.txt" },
    { does: "and see later whether they are the same", line: "vrx digest --check digests.txt" },
    { does: "with a salt, for one file and one purpose", line: "vrx digest --salt 00ff10 --compact model.safetensors" },
  ],
  exits: {
    0: "every file was hashed; with --check, every file is what the list says",
    1: "with --check: a file is not what the list says, or is not there",
    2: "a file cannot be read, the list is wrong, or so is the salt",
  },
  load: async () => (await import("../actions/digest.js")).run,
});
