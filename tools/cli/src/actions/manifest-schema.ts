import { manifestJsonSchema } from "@vrx/manifest";
import type { ManifestSchemaCall } from "../commands/manifest-schema.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";

/** Prints the JSON Schema of manifests. */
export function run({ output }: ManifestSchemaCall): ExitCode {
  output.printJson(manifestJsonSchema());
  return exitCodes.ok;
}
