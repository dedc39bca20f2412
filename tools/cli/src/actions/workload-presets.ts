import { computeWorkloadId, presets } from "@vrx/workload-schema";
import type { WorkloadPresetsCall } from "../commands/workload-presets.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { specDocument } from "./spec-document.js";

/** Lists the presets; `--json` has an array with the specs. */
export function run({ options, output }: WorkloadPresetsCall): ExitCode {
  const named = Object.entries(presets);
  if (options.json) output.printJson(named.map(([name, spec]) => specDocument({ status: "ok", name, spec })));
  else for (const [name, spec] of named) output.print(`${computeWorkloadId(spec)}\t${name}`);
  return exitCodes.ok;
}
