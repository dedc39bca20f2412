import { outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";

const takes = { operands: {}, options: { out: outOption } };

/** A call of `vrx manifest schema`. */
export type ManifestSchemaCall = CallOf<typeof takes>;

/** `vrx manifest schema` */
export const manifestSchema = defineCommand({
  name: "schema",
  summary: "print the JSON Schema of manifests, for editors",
  ...takes,
  examples: [{ does: "beside the manifests", line: "vrx manifest schema -o manifest.schema.json" }],
  exits: { 0: "printed" },
  load: async () => (await import("../actions/manifest-schema.js")).run,
});
