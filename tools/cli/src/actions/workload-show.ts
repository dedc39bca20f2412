import { canonicalWorkloadJson, canonicalizeWorkloadSpec, workloadToEnv } from "@vrx/workload-schema";
import type { WorkloadShowCall } from "../commands/workload-show.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { jsonText } from "../frame/json-text.js";
import { readNamedSpec } from "../inputs/spec-source.js";
import { specDocument } from "./spec-document.js";

/** Prints one form of a spec: indented canonical JSON unless an option asks for another. */
export async function run({ operands, options, output }: WorkloadShowCall): Promise<ExitCode> {
  const { canonical, env, json } = options;
  if ([canonical, env, json].filter(Boolean).length > 1) {
    throw new CliError("bad_arguments", "expected one of --canonical, --env and --json, found more");
  }
  const named = await readNamedSpec(operands.spec, options.dialect);
  if (named.status === "invalid") {
    named.problems.forEach((problem) => output.problem(problem));
    if (json) output.printJson(specDocument(named));
    return exitCodes.wrongInput;
  }
  if (canonical) output.printRaw(canonicalWorkloadJson(named.spec));
  else if (env) {
    // Integers and words of an enumeration: nothing in them needs quotes in any shell.
    for (const [variable, value] of Object.entries(workloadToEnv(named.spec))) output.print(`${variable}=${value}`);
  } else if (json) output.printJson({ ...specDocument(named), env: workloadToEnv(named.spec) });
  else output.print(jsonText(canonicalizeWorkloadSpec(named.spec)));
  return exitCodes.ok;
}
