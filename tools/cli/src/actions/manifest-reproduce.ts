import { isExperimentError, reproduce } from "@vrx/experiment";
import type { ManifestReproduceCall } from "../commands/manifest-reproduce.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { printable } from "../frame/printable.js";

/** Runs an experiment again and says whether it comes out the same. */
export async function run({ operands, options, output, signal }: ManifestReproduceCall): Promise<ExitCode> {
  let result;
  try {
    result = await reproduce(operands.directory, {
      signal,
      onEvent: (event) => {
        if (event.kind === "step") output.progress().update(`${event.run_id}: step ${event.step} of ${event.steps}`);
      },
      ...(options.out === undefined ? {} : { out: options.out }),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!isExperimentError(error)) throw error;
    throw new CliError("bad_input", error.message, { cause: error });
  }
  output.progress().clear();
  signal.throwIfAborted();
  if (options.json) output.printJson(result);
  else {
    const { good, bad } = output.style;
    const word = result.status === "agrees" ? good("agrees") : bad("differs");
    output.print(
      `${word}: ${result.compared - result.differences.length} of ${result.compared} figures are the same, ${result.report.dir}`,
    );
    for (const { what, before, now } of result.differences) {
      output.print(printable(`  ${what}: ${JSON.stringify(before)} before, ${JSON.stringify(now)} now`));
    }
    for (const { what } of result.surroundings) output.note(`${what} is not what it was`);
  }
  return result.status === "agrees" ? exitCodes.ok : exitCodes.fail;
}
