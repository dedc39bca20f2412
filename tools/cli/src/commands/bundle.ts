import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { text } from "../frame/options.js";

const takes = {
  operands: {},
  options: {
    out: text("FILE", "the archive to write (default: vrx-bundle.tar.gz)", { short: "o", completes: "file" }),
    with: text("PACKAGES", "optional packages that go with it, separated by commas: `bullmq,ioredis` for workers"),
    json: jsonOption,
  },
};

/** A call of `vrx bundle`. */
export type BundleCall = CallOf<typeof takes>;

/** `vrx bundle` */
export const bundle = defineCommand({
  name: "bundle",
  summary: "pack vrx with its Node for hosts without Node",
  description:
    "Pack this vrx, the packages it needs, the compiled engine and the Node that runs it into one archive. Unpacked into " +
    "any folder of a host with the same processor architecture and glibc, bin/vrx runs there without an installation. The same " +
    "versions give the same bytes. `vrx sweep run --executor slurm` takes it for nodes without Node (docs/slurm.md).",
  ...takes,
  interruptible: true,
  examples: [
    { does: "for the compute nodes of a cluster", line: "vrx bundle -o /shared/vrx-bundle.tar.gz" },
    { does: "for workers on a queue", line: "vrx bundle --with bullmq,ioredis" },
  ],
  load: async () => (await import("../actions/bundle.js")).run,
});
