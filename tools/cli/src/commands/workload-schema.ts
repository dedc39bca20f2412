import { outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";

const takes = { operands: {}, options: { out: outOption } };

/** A call of `vrx workload schema`. */
export type WorkloadSchemaCall = CallOf<typeof takes>;

/** `vrx workload schema` */
export const workloadSchema = defineCommand({
  name: "schema",
  summary: "print the JSON Schema of a spec",
  description:
    "Print the JSON Schema of a spec, for editors. It cannot tell `8192.0` from `8192` and knows nothing of duplicate " +
    "keys: `vrx workload check` is stricter.",
  ...takes,
  examples: [{ does: "a schema file for an editor", line: "vrx workload schema -o workload.schema.json" }],
  load: async () => (await import("../actions/workload-schema.js")).run,
});
