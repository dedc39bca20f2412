/** How a probe of one batch ended. `error`: the probe itself threw, which says nothing of the batch. */
export type BatchProbeStatus =
  "passed" | "failed" | "oom" | "timeout" | "throttled" | "invalid" | "inconclusive" | "cancelled" | "error";

/** What a probe of one batch says. */
export interface BatchProbe {
  readonly status: BatchProbeStatus;
  /** The share of the memory it took; null where nobody measured it, then with a reason. */
  readonly ratio: number | null;
  readonly reason?: string | null;
  /** The run directory. */
  readonly run_dir?: string | null;
  /** A status that another attempt may well not have, as a step time out of line on a busy host. */
  readonly doubtful?: boolean;
}

/** One probe of a search, in the order they were made. */
export interface BatchObservation extends BatchProbe {
  readonly batch: number;
  /** What was expected before the probe; null where there was nothing to expect by. */
  readonly predicted_ratio: number | null;
}
