import { computeWorkloadDigest, computeWorkloadId } from "@vrx/workload-schema";
import type { WorkloadIdCall } from "../commands/workload-id.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { readNamedSpecs } from "../inputs/spec-source.js";
import { specDocument } from "./spec-document.js";

/** Prints ids; with `--json` an object for one spec and an array for several. */
export async function run({ operands, options, output }: WorkloadIdCall): Promise<ExitCode> {
  const specs = await readNamedSpecs(operands.specs, options.dialect);
  const alone = specs.length === 1;
  for (const named of specs) {
    if (named.status === "invalid") named.problems.forEach((problem) => output.problem(problem));
    else if (!options.json) {
      const id = options.full ? computeWorkloadDigest(named.spec) : computeWorkloadId(named.spec);
      output.print(alone ? id : `${id}\t${quoteName(named.name)}`);
    }
  }
  if (options.json) {
    const documents = specs.map(specDocument);
    output.printJson(alone ? documents[0] : documents);
  }
  return specs.every(({ status }) => status === "ok") ? exitCodes.ok : exitCodes.wrongInput;
}
