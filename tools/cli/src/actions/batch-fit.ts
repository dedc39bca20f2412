import { capacityModelText, fitCapacityModel, readCapacityRuns } from "@vrx/harness";
import type { BatchFitCall } from "../commands/batch-fit.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { isSystemError, systemReason } from "../frame/failures.js";

/** Fits a capacity model to the runs below a folder, and prints it. */
export async function run({ operands, options, output }: BatchFitCall): Promise<ExitCode> {
  const guard_ratio = ratio("guard-ratio", options["guard-ratio"] ?? 0.92);
  const safe_start_ratio = ratio("safe-start-ratio", options["safe-start-ratio"] ?? Math.min(0.85, guard_ratio));
  if (safe_start_ratio > guard_ratio) {
    throw new CliError(
      "bad_arguments",
      `--safe-start-ratio ${safe_start_ratio} is more than the guard, ${guard_ratio}`,
    );
  }
  const { runs, skipped } = await readCapacityRuns(operands.runs).catch((error: unknown) => {
    if (!isSystemError(error)) throw error;
    throw new CliError("bad_input", `cannot read ${operands.runs}: ${systemReason(error)}`, { cause: error });
  });
  for (const { run_dir, reason } of skipped) output.warn(`${run_dir} is left out: ${reason}`);
  const { "measure-steps": measure_steps } = options;
  const fit = fitCapacityModel(runs, {
    guard_ratio,
    safe_start_ratio,
    runs_root: operands.runs,
    ...(measure_steps === undefined ? {} : { measure_steps }),
  });
  if (fit.status === "refused") {
    throw new CliError("bad_input", fit.problems.map((problem) => `fit error: ${problem}`).join("\n"));
  }
  // The model is JSON either way.
  output.printRaw(capacityModelText(fit.model));
  return exitCodes.ok;
}

function ratio(name: string, value: number): number {
  if (value > 0 && value <= 1) return value;
  throw new CliError("bad_arguments", `--${name}: expected a share above 0 up to 1, found ${value}`);
}
