import { setTimeout as delay } from "node:timers/promises";
import type { Attempt, Outcome, TrialStore } from "../store/trial-store.js";
import type { TrialResult } from "../trial/trial-result.js";
import type { TrialLimits } from "./executor.js";
import { type TrialPause, waitForIdle } from "./wait-for-idle.js";

/** What an attempt is run with. `signal` is aborted when it is to be given up, or has lost its right to publish. */
export interface AttemptRun {
  readonly attempt: Attempt;
  readonly store: TrialStore;
  readonly limits: TrialLimits;
  /** The GPU that is held for it, by UUID or as Slurm names it; null: none. */
  readonly device: string | null;
  readonly signal: AbortSignal;
}

/** Runs the trial of an attempt in a process of its own, and says how it ended; null where the signal ended it. */
export type AttemptRunner = (run: AttemptRun) => Promise<Outcome | null>;

export type Attempted =
  | { readonly status: "done"; readonly result: TrialResult | null; readonly by: "this" | "another" }
  | { readonly status: "given_back"; readonly why: string };

export interface AttemptRequest {
  readonly digest: string;
  readonly store: TrialStore;
  readonly executor: string;
  readonly limits: TrialLimits;
  readonly device: string | null;
  readonly run: AttemptRunner;
  readonly signal: AbortSignal;
  /** Seconds to wait for another attempt that shows signs of life. */
  readonly wait_s: number;
  /** Seconds between two signs of life of this attempt; well below the time after which the store takes it for dead. */
  readonly renew_s: number;
  /** What is waited for before the run; the result tells how long, and what was still in the way. */
  readonly pause?: TrialPause;
  /** What is recorded with the result beside the figures of the run. */
  readonly figures?: TrialResult["figures"];
}

const taken_poll_ms = 500;

/**
 * One trial from its beginning in the store to its publication. Waits for another attempt that is alive, keeps its own
 * alive, and stops the run as soon as the store says that the right to publish is lost. A runner that throws gives the
 * trial back, and the error is passed on.
 */
export async function runAttempt(request: AttemptRequest): Promise<Attempted> {
  const { digest, store, executor, limits, device, run, signal } = request;
  const begun = await beginOrWait(request);
  if (begun.status === "taken") return { status: "given_back", why: `another attempt is at it: ${begun.by}` };
  if (begun.status === "done") return { status: "done", result: begun.result, by: "another" };

  const { attempt } = begun;
  const lost = new AbortController();
  const stop = AbortSignal.any([signal, lost.signal]);
  const renewing = setInterval(() => {
    // A store that cannot be reached for once is no loss of the right; publishing asks again.
    store.renew(attempt).then(
      (still) => {
        if (!still) lost.abort();
      },
      () => undefined,
    );
  }, request.renew_s * 1000);
  try {
    const waited = await paused(request.pause, device, stop);
    const outcome = waited === null ? null : await run({ attempt, store, limits, device, signal: stop });
    if (outcome !== null) {
      const figures = { ...outcome.figures, ...request.figures, ...waited };
      const published = await store.publish(attempt, { ...outcome, figures, executor });
      if (published.status === "published") return { status: "done", result: published.result, by: "this" };
      return { status: "done", result: await store.result(digest), by: "another" };
    }
    const why = lost.signal.aborted ? "another attempt has taken its place" : "it was given up";
    await store.abandon(attempt, why);
    return { status: "given_back", why };
  } catch (error) {
    await store.abandon(attempt, error instanceof Error ? error.message : String(error)).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(renewing);
  }
}

/** What waiting adds to the figures of the result; null where it was given up. */
async function paused(
  pause: TrialPause | undefined,
  device: string | null,
  signal: AbortSignal,
): Promise<TrialResult["figures"] | null> {
  try {
    if (pause === undefined) return {};
    if (pause.cooldown_s > 0) await delay(pause.cooldown_s * 1000, undefined, { signal });
    if (pause.idle === null) return {};
    const waited = await waitForIdle(pause.idle, { device, signal });
    const figures = { waited_for_idle_s: waited.waited_s };
    return waited.status === "idle" ? figures : { ...figures, not_idle: waited.why };
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

async function beginOrWait({
  digest,
  store,
  executor,
  wait_s,
  signal,
}: AttemptRequest): Promise<Awaited<ReturnType<TrialStore["begin"]>>> {
  const until_ms = performance.now() + wait_s * 1000;
  for (;;) {
    const begun = await store.begin(digest, { executor });
    if (begun.status !== "taken" || signal.aborted || performance.now() >= until_ms) return begun;
    await delay(taken_poll_ms, undefined, { signal }).catch(() => undefined);
  }
}
