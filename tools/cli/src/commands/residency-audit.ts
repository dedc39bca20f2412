import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { text } from "../frame/options.js";

const takes = {
  operands: { file: operand("FILE", "the log that `serve --audit` writes", { completes: "file" }) },
  options: {
    anchor: text("SEQ:HASH", "a place in the chain that was noted elsewhere; without it a cut end cannot be seen"),
    json: jsonOption,
  },
};

/** A call of `vrx residency audit`. */
export type ResidencyAuditCall = CallOf<typeof takes>;

/** `vrx residency audit` */
export const residencyAudit = defineCommand({
  name: "audit",
  summary: "whether an audit log is whole, without a GPU",
  description: "Verify the chain of an audit log through all its files, and print its head, which is the next anchor.",
  ...takes,
  examples: [
    { does: "the chain, and its head", line: "vrx residency audit /var/log/vrx/audit.ndjson" },
    { does: "that nothing was cut off since", line: "vrx residency audit audit.ndjson --anchor 1041:9f86d0..." },
  ],
  exits: { 2: "there is no such log", 4: "the chain is broken; where and how is said" },
  load: async () => (await import("../actions/residency-audit.js")).run,
});
