import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";

const takes = { operands: {}, options: { json: jsonOption, out: outOption } };

/** A call of `vrx version`. */
export type VersionCall = CallOf<typeof takes>;

/** `vrx --version`, which is short for `vrx version`. */
export const version = defineCommand({
  name: "version",
  summary: "print the version of vrx, and with --json what it runs on",
  ...takes,
  examples: [
    { does: "the version alone", line: "vrx --version" },
    { does: "everything a problem report needs", line: "vrx --version --json" },
  ],
  load: async () => (await import("../actions/version.js")).run,
});
