/** What the exit code of `vrx` says; scripts rely on these numbers, so they never change their meaning. */
export const exitCodes = {
  /** The command did its job; for `check`: the verdict is pass. */
  ok: 0,
  /** The verdict is fail; for `workload diff`: the workloads differ; for `ring verify`: a golden is not met. */
  fail: 1,
  /** The input, the arguments or the environment are wrong. */
  wrongInput: 2,
  /** Inconclusive or invalid: not enough evidence. */
  noEvidence: 3,
  /** Artifacts disagree with each other, or a seal is broken. */
  disagreement: 4,
  /** A defect of vrx itself. */
  defect: 70,
  /** Preempted or interrupted in a way that can be resumed. */
  resumable: 75,
  /** Ended by SIGHUP (the terminal is gone); everything finished so far is kept. */
  hungUp: 129,
  /** Ended by SIGINT; everything finished so far is kept. */
  interrupted: 130,
  /** Ended by SIGTERM; everything finished so far is kept. */
  terminated: 143,
} as const;

/** One of the numbers of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
