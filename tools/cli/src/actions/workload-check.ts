import type { WorkloadCheckCall } from "../commands/workload-check.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { readNamedSpecs } from "../inputs/spec-source.js";
import { specDocument } from "./spec-document.js";

/** Lists the good specs on stdout and the problems of the bad ones on stderr; `--json` has an array of both. */
export async function run({ operands, options, output }: WorkloadCheckCall): Promise<ExitCode> {
  const specs = await readNamedSpecs(operands.specs, options.dialect);
  for (const named of specs) {
    if (named.status === "invalid") named.problems.forEach((problem) => output.problem(problem));
    else if (!options.json) output.print(`${quoteName(named.name)}: ${output.style.good("ok")}`);
  }
  if (options.json) output.printJson(specs.map(specDocument));
  return specs.every(({ status }) => status === "ok") ? exitCodes.ok : exitCodes.wrongInput;
}
