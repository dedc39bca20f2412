import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";

const takes = { operands: {}, options: { json: jsonOption, out: outOption } };

/** A call of `vrx native info`. */
export type NativeInfoCall = CallOf<typeof takes>;

/** `vrx native info` */
export const nativeInfo = defineCommand({
  name: "info",
  summary: "say which native addons are in use, or why not",
  description: "Say which native addons are in use and from which file, or why not and what to do. Touches no driver.",
  ...takes,
  examples: [
    { does: "which files are in use", line: "vrx native info" },
    { does: "for a program", line: "vrx native info --json" },
  ],
  load: async () => (await import("../actions/native-info.js")).run,
});
