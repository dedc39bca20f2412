import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeWhole } from "@vrx/ant-ratio/report";
import { calibrate, isHarnessError } from "@vrx/harness";
import type { CalibrateCall } from "../commands/calibrate.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { floorFile, floorsOf, withFloor } from "../inputs/noise-floors.js";
import { asCliError, probeOptionsOf, progressText, readSpec, workloadOf } from "./probe.js";
import { inSeconds } from "./probe-report.js";

/** Runs one thing again and again, and writes how far apart the runs are. */
export async function run(call: CalibrateCall): Promise<ExitCode> {
  const { options, output, signal } = call;
  const file = options.out ?? floorFile();
  if (file === "-") throw new CliError("bad_arguments", "--out: expected a file for the floors, found `-`");
  if (options["measure-steps"] < 20)
    throw new CliError("bad_arguments", "--measure-steps: a comparison needs at least 20");
  // Read first, so that a file that is something else is found before an hour of measuring.
  const floors = await floorsOf(file, { must: false });
  const spec = await readSpec(call);
  if (spec === undefined) return exitCodes.wrongInput;
  const { keep, runs } = options;
  try {
    const workload = await workloadOf(call);
    let passed = 0;
    const floor = await calibrate(workload, spec.spec, {
      ...probeOptionsOf(call, spec.name),
      runs,
      signal,
      ...(keep === undefined ? {} : { out: (number) => join(keep, `run-${number}`) }),
      onProgress: (progress) =>
        output.progress().update(`run ${passed + 1} of ${runs}, ${progressText(progress, spec.name)}`),
      onRun: (number, { verdict }) => {
        if (verdict.status === "pass" || verdict.status === "inconclusive") passed++;
        const median_s = verdict.metrics.median_step_time_s;
        output.detail(`run ${number}: ${verdict.status}, ${median_s === null ? "-" : inSeconds(median_s)}`);
      },
    });
    mkdirSync(dirname(file), { recursive: true });
    await writeWhole(file, withFloor(floors, floor));
    if (options.json) output.printJson({ file, floor: JSON.parse(JSON.stringify(floor)) as typeof floor });
    else {
      const [least, most] = [Math.min(...floor.median_step_times_s), Math.max(...floor.median_step_times_s)];
      output.print(
        `noise floor ${(100 * floor.floor_ratio).toFixed(1)} %: ${runs} runs, medians ${inSeconds(least)} to ${inSeconds(most)}`,
      );
      output.print(quoteName(file));
    }
    return exitCodes.ok;
  } catch (error) {
    if (isHarnessError(error) && error.code === "bad_sample") {
      output.error(error.message);
      return exitCodes.noEvidence;
    }
    throw asCliError(error, call.operands.spec);
  }
}
