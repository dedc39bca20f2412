/** Where a probe stands; `done` of `of` steps of its phase are over. */
export interface ProbeProgress {
  /** `ending`: the last step is over, the workload is being closed and the artifacts written. */
  readonly phase: "set_up" | "warmup" | "measure" | "ending";
  readonly done: number;
  readonly of: number;
  /** Seconds since the run began. */
  readonly elapsed_s: number;
  /** Of the last step; null before the first, and where the workload does not tell a loss. */
  readonly loss: number | null;
  readonly time_s: number | null;
}
