import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Contract,
  type EnvFacts,
  type RunHeader,
  type StallFacts,
  type StepSample,
  checkSample,
  heartbeatThreshold,
  isObjectiveContractError,
  judge,
  redactText,
  runOutcome,
  stepStats,
  withExecuted,
} from "@vrx/objective-contract";
import { type FinishInput, type FinishedRun, completeRun, openRun } from "@vrx/objective-contract/node";
import { HarnessError } from "./errors.js";
import type { WorkloadFacts } from "./workload.js";

/** Where a run is recorded while it happens: a run directory, or memory. */
export interface Recorder {
  /** The absolute path of the run directory; null in memory. */
  readonly dir: string | null;
  /** Aborts when the watchdog finds the run silent for too long. */
  readonly signal: AbortSignal;
  /** Seconds since the run began. */
  elapsed_s(): number;
  /** What the workload turned out to execute, as soon as it is known. */
  prepared(facts: WorkloadFacts): void;
  append(sample: StepSample): void;
  /** Keeps what the workload printed; secrets are taken out. */
  keepLog(text: string): Promise<void>;
  /** Judges the run; one that the watchdog has closed keeps the watchdog's outcome. */
  finish(outcome: FinishInput): Promise<FinishedRun>;
}

/** The file in a run directory that keeps what the workload printed. */
export const LOG_FILE = "log.txt";

/** Records into a run directory, under the watchdog of the contract's package. Throws what `openRun` throws. */
export async function directoryRecorder(
  out: string,
  header: RunHeader,
  env: EnvFacts,
  contract: Contract | undefined,
): Promise<Recorder> {
  const contracts = contract === undefined ? [] : [contract];
  const run = await openRun(out, header, { env, contracts });
  return {
    dir: run.dir,
    signal: run.signal,
    elapsed_s: () => run.elapsed_s(),
    prepared: (facts) => run.prepared(facts),
    append: (sample) => run.append(sample),
    keepLog: (text) => writeFile(join(run.dir, LOG_FILE), redactText(text)),
    async finish(outcome) {
      try {
        return await run.finish(outcome);
      } catch (error) {
        if (!isObjectiveContractError(error) || error.code !== "run_closed") throw error;
        // The watchdog has completed it; this reads what it wrote, or completes what it could not.
        return completeRun(run.dir, { status: "stalled", stop_reason: "no_progress" }, { contracts });
      }
    },
  };
}

const poll_ms = 250;

/**
 * Records into memory, for measurements nobody wants files of. Its watchdog is a timer of the same thread: where that
 * thread is blocked, the silence is found when it is over.
 */
export function memoryRecorder(header: RunHeader, env: EnvFacts, contract: Contract | undefined): Recorder {
  const begun_ms = performance.now();
  const abort = new AbortController();
  const samples: StepSample[] = [];
  const heartbeat = header.heartbeat;
  let facts: WorkloadFacts = {};
  let stall: StallFacts | null = null;
  let progress_ms = begun_ms;
  let threshold_s = heartbeat?.set_up_limit_s ?? Infinity;

  const look = (): void => {
    const last_progress_age_s = (performance.now() - progress_ms) / 1000;
    if (stall !== null || last_progress_age_s <= threshold_s) return;
    stall = { threshold_s, last_progress_age_s, phase: samples.at(-1)?.phase ?? "set_up" };
    clearInterval(timer);
    abort.abort(new Error(`no progress for ${last_progress_age_s.toFixed(1)} s`));
  };
  const timer = setInterval(look, poll_ms).unref();

  return {
    dir: null,
    signal: abort.signal,
    elapsed_s: () => (performance.now() - begun_ms) / 1000,
    prepared(known) {
      facts = known;
      progress_ms = performance.now();
    },
    append(sample) {
      const [issue] = checkSample(sample);
      if (issue !== undefined) {
        throw new HarnessError("bad_sample", `${issue.field}: expected ${issue.expected}, found ${issue.found}`);
      }
      look();
      samples.push(sample);
      progress_ms = performance.now();
      // The median of the first steps is a good enough idea of it.
      if (heartbeat !== null && samples.length <= 32) {
        threshold_s = heartbeatThreshold(stepStats(samples.map(({ time_s }) => time_s)).median_s ?? 0, heartbeat);
      }
    },
    keepLog: () => Promise.resolve(),
    finish(input) {
      clearInterval(timer);
      const first = samples[0];
      const outcome = runOutcome({
        ...input,
        ...(stall === null ? {} : { status: "stalled", stop_reason: "no_progress", stall }),
        set_up_s: first === undefined ? null : Math.max(0, first.end_s - first.time_s),
      });
      const record = { header, env: withExecuted(env, { ...facts, ...outcome }), samples, outcome };
      return Promise.resolve({ record, verdict: judge(record, contract) });
    },
  };
}
