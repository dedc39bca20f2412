import { Definitions } from "./internal/schema.js";
import { manifestSchema } from "./schema/manifest.js";

const schemaId = "https://unpkg.com/@vrx/manifest/schema/manifest_v2.schema.json";

/**
 * The JSON Schema (draft 2020-12) of a manifest file before its variables are filled in, for editors; also published
 * as `@vrx/manifest/schema.json`. What keys mean and what they may be is in it; what fits together, only
 * `readManifest` knows.
 */
export function manifestJsonSchema(): Readonly<Record<string, unknown>> {
  const definitions = new Definitions();
  const { $ref } = manifestSchema.json(definitions);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: schemaId,
    title: "vrx experiment manifest, version 2",
    $ref,
    $defs: Object.fromEntries([...definitions.schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
