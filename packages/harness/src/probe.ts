import {
  type Contract,
  type HeartbeatPolicy,
  type RunRecord,
  type Verdict,
  isObjectiveContractError,
} from "@vrx/objective-contract";
import { type FinishInput, type FinishedRun, collectEnv, createRunHeader } from "@vrx/objective-contract/node";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { HarnessError } from "./errors.js";
import type { ProbeProgress } from "./probe-progress.js";
import { LOG_FILE, type Recorder, directoryRecorder, memoryRecorder } from "./recorder.js";
import { runSteps } from "./run-steps.js";
import { exceptionOf, stopReasonOf } from "./stop-reason.js";
import type { Workload, WorkloadDescription, WorkloadRequest } from "./workload.js";

/** How to measure. */
export interface ProbeOptions {
  /** Steps before the ones that count; 5 by default. */
  readonly warmup_steps?: number;
  /** Steps that count; 50 by default. Fewer than 20 leave the verdict inconclusive. */
  readonly measure_steps?: number;
  /** 0 by default. */
  readonly seed?: number;
  /** Expert heads; 1 by default. */
  readonly heads?: number;
  /** Automatic mixed precision; by default on for fp16, bf16 and amp, off for fp32 and fp64. */
  readonly amp?: boolean;
  /** The run directory; without it everything stays in memory. */
  readonly out?: string;
  /** `OBJECTIVE_V1` by default. */
  readonly contract?: Contract;
  /** Within the range of the contract; its default otherwise. */
  readonly vram_guard_ratio?: number;
  /** Parts of the heartbeat that differ from the contract's; a laxer one leaves the verdict inconclusive. */
  readonly heartbeat?: Partial<HeartbeatPolicy>;
  /** The command line to record, without its secrets; by default that of this process. */
  readonly argv?: readonly string[];
  readonly notes?: readonly string[];
  /** Aborting it ends the run; what was recorded is kept and judged. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ProbeProgress) => void;
}

/** A whole run, the verdict on it, and where it is written down (null for a run in memory). */
export interface ProbeResult extends RunRecord {
  readonly verdict: Verdict;
  readonly dir: string | null;
}

/** A run that is described and has not begun. */
export interface PlannedProbe {
  readonly request: WorkloadRequest;
  readonly description: WorkloadDescription;
  readonly header: RunRecord["header"];
}

/**
 * Says what `probe` would run, without running or writing anything. Throws as `probe` does before it begins.
 */
export async function planProbe(
  workload: Workload,
  spec: WorkloadSpec,
  options: ProbeOptions = {},
): Promise<PlannedProbe> {
  const { warmup_steps = 5, measure_steps = 50, seed = 0, heads = 1 } = options;
  wholeNumber("warmup_steps", warmup_steps, 0);
  wholeNumber("measure_steps", measure_steps, 1);
  wholeNumber("seed", seed, 0);
  wholeNumber("heads", heads, 1);
  const describe = (description: WorkloadDescription): RunRecord["header"] =>
    createRunHeader({
      workload: spec,
      engine: description.engine ?? workload.name,
      engine_version: description.engine_version ?? null,
      device: description.device ?? { kind: "unknown", name: "unknown", simulated: false },
      warmup_steps,
      measure_steps,
      step_time_mode: description.step_time_mode ?? "perf_counter",
      out_dim: heads,
      run_options: description.run_options ?? {},
      seed,
      threads: description.threads ?? null,
      argv: options.argv ?? process.argv,
      notes: [...(description.notes ?? []), ...(options.notes ?? [])],
      ...(options.amp === undefined ? {} : { amp: options.amp }),
      ...(options.contract === undefined ? {} : { contract: options.contract }),
      ...(options.vram_guard_ratio === undefined ? {} : { vram_guard_ratio: options.vram_guard_ratio }),
      ...(options.heartbeat === undefined ? {} : { heartbeat: options.heartbeat }),
    });
  const { workload_id, probe_id } = describe({});
  const request = { spec, heads, seed, warmup_steps, measure_steps, workload_id, probe_id };
  const description = (await workload.describe?.(request)) ?? {};
  return { request, description, header: describe(description) };
}

/**
 * Measures one workload under the objective contract: sets it up, runs warm-up and measured steps, judges, and with
 * `out` writes the run directory. Resolves however the run went, with a verdict that says so.
 *
 * Rejects only when nothing was run (a `HarnessError`, an engine's error or an `ObjectiveContractError`: an argument
 * is wrong, the workload cannot run the request, the folder already holds a run) or when the artifacts cannot be
 * written (`ObjectiveContractError` with code `write_failed`).
 *
 * @example
 * const { verdict } = await probe(ringWorkload(await createEngine("cpu")), presets.od1_small, { out: "runs/small" });
 * verdict.status; // "pass"
 */
export async function probe(workload: Workload, spec: WorkloadSpec, options: ProbeOptions = {}): Promise<ProbeResult> {
  const { signal = new AbortController().signal, onProgress = () => undefined, contract } = options;
  signal.throwIfAborted();
  const { request, description, header } = await planProbe(workload, spec, options);
  const env = await collectEnv({ precision: header.precision, amp: header.amp });
  signal.throwIfAborted();
  const recorder =
    options.out === undefined
      ? memoryRecorder(header, env, contract)
      : await directoryRecorder(options.out, header, env, contract);
  const progress = (phase: "set_up" | "ending"): void =>
    onProgress({ phase, done: 0, of: 1, elapsed_s: recorder.elapsed_s(), loss: null, time_s: null });
  const measure = async (): Promise<FinishInput> => {
    progress("set_up");
    const { facts, log, ...end } = await runSteps(workload, { request, recorder, signal, onProgress });
    progress("ending");
    return {
      ...end,
      executed: facts.executed ?? null,
      device: facts.device ?? null,
      step_time_mode: facts.step_time_mode ?? null,
      peak_vram_reserved_bytes: facts.peak_vram_reserved_bytes ?? null,
      peak_vram_allocated_bytes: facts.peak_vram_allocated_bytes ?? null,
      vram_stats_error: facts.vram_stats_error ?? null,
      gpu: facts.gpu ?? null,
      extras: { ...description.extras, ...facts.extras, ...(await keepLog(recorder, log)) },
    };
  };
  const { record, verdict } = await finish(recorder, await measure().catch(failedBy));
  return { ...record, verdict, dir: recorder.dir };
}

/** What a workload says of itself that no artifact can carry is a failure of the workload's. */
async function finish(recorder: Recorder, outcome: FinishInput): Promise<FinishedRun> {
  try {
    return await recorder.finish(outcome);
  } catch (error) {
    if (!isObjectiveContractError(error) || error.code !== "invalid_outcome") throw error;
    return recorder.finish(failedBy(error));
  }
}

function failedBy(error: unknown): FinishInput {
  return { status: "failed", stop_reason: stopReasonOf(error), exception: exceptionOf(error) };
}

/** A log that cannot be written is no reason to lose the verdict. */
async function keepLog(
  recorder: Recorder,
  log: string,
): Promise<{ readonly log?: string; readonly log_error?: string }> {
  if (log === "" || recorder.dir === null) return {};
  try {
    await recorder.keepLog(log);
    return { log: LOG_FILE };
  } catch (error) {
    return { log_error: error instanceof Error ? error.message : String(error) };
  }
}

function wholeNumber(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return;
  throw new HarnessError(
    "invalid_argument",
    `${name}: expected a whole number of at least ${min}, found ${String(value)}`,
  );
}
