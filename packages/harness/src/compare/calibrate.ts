import type { WorkloadSpec } from "@vrx/workload-schema";
import { HarnessError } from "../errors.js";
import { type ProbeOptions, type ProbeResult, probe } from "../probe.js";
import type { Workload } from "../workload.js";
import { MIN_COMPARED_STEPS } from "./compare-runs.js";
import { MIN_FLOOR_RUNS, type NoiseFloor, noiseFloorOf } from "./noise-floor.js";

/** How to calibrate: as `probe` measures, several times. */
export interface CalibrateOptions extends Omit<ProbeOptions, "out"> {
  /** How often the same thing is run; 10 unless given, and at least 3. */
  readonly runs?: number;
  /** Where the run directory of a run goes, all of them counted from 1; without it runs stay in memory. */
  readonly out?: (run: number) => string;
  readonly onRun?: (run: number, result: ProbeResult) => void;
}

/**
 * Measures a workload against itself, run after run, and returns the noise floor of this host for it. A run that fails or
 * is invalid does not count, as it does not when runs are compared; another one takes its place. Throws
 * `invalid_argument` for fewer than three runs or fewer than 20 measured steps, `bad_sample` when more runs fail than
 * were asked for, and the signal's reason when it is aborted.
 */
export async function calibrate(
  workload: Workload,
  spec: WorkloadSpec,
  options: CalibrateOptions = {},
): Promise<NoiseFloor> {
  const { runs = 10, out, onRun = () => undefined, ...rest } = options;
  if (!Number.isSafeInteger(runs) || runs < MIN_FLOOR_RUNS) {
    throw new HarnessError("invalid_argument", `runs: expected at least ${MIN_FLOOR_RUNS}, found ${runs}`);
  }
  if (options.measure_steps !== undefined && options.measure_steps < MIN_COMPARED_STEPS) {
    throw new HarnessError(
      "invalid_argument",
      `measure_steps: expected at least ${MIN_COMPARED_STEPS}, found ${options.measure_steps}`,
    );
  }
  const results: ProbeResult[] = [];
  for (let run = 1; results.length < runs; run++) {
    const result = await probe(workload, spec, { ...rest, ...(out === undefined ? {} : { out: out(run) }) });
    rest.signal?.throwIfAborted();
    onRun(run, result);
    const { status, fail_reasons, invalid_reasons } = result.verdict;
    if (status !== "fail" && status !== "invalid" && result.outcome.status === "completed") {
      results.push(result);
      continue;
    }
    if (run - results.length <= runs) continue;
    const why = [...fail_reasons, ...invalid_reasons.map(({ message }) => message), result.outcome.stop_reason];
    throw new HarnessError(
      "bad_sample",
      `${run - results.length} of ${run} runs failed, the last is ${status}: ${why.join("; ")}; what fails has no noise floor`,
    );
  }
  return noiseFloorOf(results);
}
