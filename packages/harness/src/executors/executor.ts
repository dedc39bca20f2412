import type { TrialStore } from "../store/trial-store.js";
import type { TrialResult } from "../trial/trial-result.js";
import type { TrialPause } from "./wait-for-idle.js";

/** What happens to trials while they are executed. `lost`: the executor ended without a result; it stays `not_run`. */
export type TrialEvent =
  | { readonly event: "submitted"; readonly digest: string; readonly where: string }
  | { readonly event: "started"; readonly digest: string; readonly where: string; readonly attempt: string }
  | { readonly event: "finished"; readonly digest: string; readonly result: TrialResult; readonly reused: boolean }
  | { readonly event: "cancelled"; readonly digest: string }
  | {
      readonly event: "lost";
      readonly digest: string;
      readonly why: string;
      /** There where the host failed its preflight: the trial may run elsewhere. */
      readonly cause?: "unfit_host";
    };

/** Limits on one trial; null: none. Beyond them its whole process group is killed and the result says so. */
export interface TrialLimits {
  readonly time_s: number | null;
  readonly memory_bytes: number | null;
}

export interface ExecutorContext {
  readonly store: TrialStore;
  readonly limits: TrialLimits;
  /** What is waited for before each trial, wherever it runs; nothing unless given. */
  readonly pause?: TrialPause;
  /** Look at the GPUs of a host before trials run there; an unfit one runs none. Not unless given. */
  readonly preflight?: boolean;
  readonly signal: AbortSignal;
}

/** Something that runs trials whose plans are in a store, somewhere, and says what becomes of them. */
export interface TrialExecutor {
  readonly name: string;
  /**
   * Runs the trials, in this order as far as it has a say. Every digest ends with `finished`, `cancelled` or `lost`.
   * Ends early when the signal is aborted, after it has stopped or cancelled what it had begun.
   */
  run(digests: readonly string[], context: ExecutorContext): AsyncIterable<TrialEvent>;
}
