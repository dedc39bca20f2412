import { formatPlan, planManifest } from "@vrx/manifest";
import type { ManifestPlanCall } from "../commands/manifest-plan.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { printable } from "../frame/printable.js";
import { ManifestProblems, manifestOf, targetLines, targetOf } from "../inputs/manifest-source.js";

/** Shows what running a manifest comes to. */
export async function run({ operands, options, output }: ManifestPlanCall): Promise<ExitCode> {
  let named;
  try {
    named = await manifestOf(operands.manifest, options);
  } catch (error) {
    if (!(error instanceof ManifestProblems)) throw error;
    for (const line of error.message.split("\n")) output.problem(line);
    return exitCodes.wrongInput;
  }
  const { manifest } = named;
  if (options["list-targets"]) {
    targetLines(manifest).forEach((line) => output.print(line));
    return exitCodes.ok;
  }
  const target = options.all ? undefined : targetOf(manifest, options.target);
  const plan = planManifest(manifest, { target });
  if (options.json) output.printJson(plan);
  else output.print(printable(formatPlan(plan, { shapes: options.shapes })));
  return exitCodes.ok;
}
