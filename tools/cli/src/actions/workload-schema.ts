import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { WorkloadSchemaCall } from "../commands/workload-schema.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";

/** Prints the schema as it is published, byte for byte. */
export function run({ output }: WorkloadSchemaCall): ExitCode {
  const file = createRequire(import.meta.url).resolve("@vrx/workload-schema/schema.json");
  output.printRaw(readFileSync(file, "utf8"));
  return exitCodes.ok;
}
