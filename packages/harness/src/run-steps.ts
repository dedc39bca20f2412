import { setImmediate, setTimeout as delay } from "node:timers/promises";
import type { RunException, RunStatus, StepSample } from "@vrx/objective-contract";
import { orAborted } from "./abortable.js";
import { HarnessError } from "./errors.js";
import type { ProbeProgress } from "./probe-progress.js";
import type { Recorder } from "./recorder.js";
import { type StopReason, exceptionOf, stopReasonOf } from "./stop-reason.js";
import type { StepReport, Workload, WorkloadFacts, WorkloadRequest, WorkloadSession } from "./workload.js";

/** How the steps of a run ended. */
export interface StepsEnd {
  readonly status: RunStatus;
  readonly stop_reason: StopReason;
  readonly exception: RunException | null;
}

/** What runs the steps, and who hears of them. */
export interface StepsContext {
  readonly request: WorkloadRequest;
  readonly recorder: Recorder;
  /** The caller's: aborting it interrupts the run. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ProbeProgress) => void;
}

// Timers and signals get their turn this often, also between steps that never leave the thread.
const turn_ms = 50;
// For clocks that differ. A longer time is not only wrong: it would also put the watchdog to sleep.
const clock_slack_s = 1;
// Longer than a program is given to end after SIGTERM.
const abandon_limit_ms = 15_000;

/**
 * Sets a workload up, runs its warm-up and its measured steps, records each, and closes it. Never throws: whatever
 * goes wrong is how the run ended.
 */
export async function runSteps(
  workload: Workload,
  context: StepsContext,
): Promise<StepsEnd & { readonly facts: WorkloadFacts; readonly log: string }> {
  const { request, recorder } = context;
  const signal = AbortSignal.any([context.signal, recorder.signal]);
  const because = (error: unknown): StepsEnd => {
    if (recorder.signal.aborted || stopReasonOf(error) === "no_progress") return ended("stalled", "no_progress");
    if (context.signal.aborted) return ended("interrupted", "interrupted");
    return ended("failed", stopReasonOf(error), exceptionOf(error));
  };

  const preparing = Promise.resolve().then(() => workload.prepare(request, signal));
  let session: WorkloadSession;
  try {
    session = await orAborted(preparing, signal);
  } catch (error) {
    // What is still being set up is closed when it is there.
    void preparing.then((late) => late.close?.("abandoned")).catch(() => undefined);
    return { ...because(error), facts: {}, log: "" };
  }
  let end: StepsEnd;
  try {
    end = await takeSteps(session, signal, context);
    if (end.status === "completed") await orAborted(Promise.resolve(session.close?.("completed")), signal);
  } catch (error) {
    end = because(error);
  }
  if (end.status !== "completed") await abandon(session);
  try {
    return { ...end, facts: session.facts?.() ?? {}, log: session.log?.() ?? "" };
  } catch (error) {
    return { ...(end.status === "completed" ? because(error) : end), facts: {}, log: "" };
  }
}

function ended(status: RunStatus, stop_reason: StopReason, exception: RunException | null = null): StepsEnd {
  return { status, stop_reason, exception };
}

async function takeSteps(session: WorkloadSession, signal: AbortSignal, context: StepsContext): Promise<StepsEnd> {
  const { request, recorder, onProgress } = context;
  const { warmup_steps, measure_steps } = request;
  const steps = iterate(session.steps());
  let turned_ms = performance.now();
  for (let index = 0; index < warmup_steps + measure_steps; index++) {
    const before_s = recorder.elapsed_s();
    const next = await orAborted(steps.next(), signal);
    if (next.done === true) return ended("failed", "too_few_samples");
    const end_s = recorder.elapsed_s();
    const { time_s, loss, ...readings } = next.value;
    if (typeof time_s === "number" && !(time_s >= 0 && time_s <= end_s + clock_slack_s)) {
      const expected = `from 0 to the ${end_s.toFixed(1)} s since the run began`;
      throw new HarnessError("bad_sample", `step ${index} of the run: time_s: expected ${expected}, found ${time_s}`);
    }
    const isWarmup = index < warmup_steps;
    const sample: StepSample = {
      ...readings,
      step: isWarmup ? index : index - warmup_steps,
      phase: isWarmup ? "warmup" : "measure",
      time_s: time_s ?? end_s - before_s,
      end_s,
      loss: loss ?? null,
    };
    recorder.append(sample);
    if (index === 0) recorder.prepared(session.facts?.() ?? {});
    onProgress({
      phase: sample.phase,
      done: sample.step + 1,
      of: isWarmup ? warmup_steps : measure_steps,
      elapsed_s: end_s,
      loss: sample.loss,
      time_s: sample.time_s,
    });
    if (sample.loss !== null && !Number.isFinite(sample.loss)) return ended("failed", "nan_or_inf");
    if (performance.now() - turned_ms > turn_ms) {
      await setImmediate();
      turned_ms = performance.now();
    }
  }
  return ended("completed", "measure_steps_reached");
}

function iterate(steps: AsyncIterable<StepReport> | Iterable<StepReport>): {
  next(): Promise<IteratorResult<StepReport, unknown>>;
} {
  if (Symbol.asyncIterator in steps) {
    const iterator = steps[Symbol.asyncIterator]();
    return { next: () => iterator.next() };
  }
  const iterator = steps[Symbol.iterator]();
  return { next: () => Promise.resolve().then(() => iterator.next()) };
}

/** Closes a session that is of no more use; one that cannot even be closed is left behind after a while. */
async function abandon(session: WorkloadSession): Promise<void> {
  const waiting = new AbortController();
  const closing = Promise.resolve()
    .then(() => session.close?.("abandoned"))
    .catch(() => undefined);
  const limit = delay(abandon_limit_ms, undefined, { signal: waiting.signal }).catch(() => undefined);
  await Promise.race([closing, limit]);
  waiting.abort();
}
