/** The two phases of a run: the warm-up is recorded and excluded from every figure. */
export type Phase = "warmup" | "measure";

/**
 * One step of a run as it was observed: what `samples.jsonl` has one line for.
 *
 * Times are seconds of one monotonic clock that starts with the run. The wall time of the measured phase is
 * `end_s` of its last step minus the start of its first (`end_s - time_s`), so that everything in
 * `metrics.json` can be computed from the samples again.
 */
export interface StepSample {
  /** Counts from 0 within its phase. */
  readonly step: number;
  readonly phase: Phase;
  /** How long the step took, in seconds. */
  readonly time_s: number;
  /** When the step ended, in seconds since the run began. */
  readonly end_s: number;
  /** The loss of this step (NaN and infinities included), or null when it is not known. */
  readonly loss: number | null;
  readonly vram_allocated_bytes?: number | null;
  readonly vram_reserved_bytes?: number | null;
  readonly rss_bytes?: number | null;
  readonly sm_clock_mhz?: number | null;
  readonly mem_clock_mhz?: number | null;
  readonly power_w?: number | null;
  readonly temperature_c?: number | null;
  readonly energy_j?: number | null;
  readonly throttle_reasons?: readonly string[] | null;
}

/** The optional measurements of a sample that are one number each, in the order in which they are written. */
export const sampleReadings = [
  "vram_allocated_bytes",
  "vram_reserved_bytes",
  "rss_bytes",
  "sm_clock_mhz",
  "mem_clock_mhz",
  "power_w",
  "temperature_c",
  "energy_j",
] as const;

/** The samples of the measured phase, in order. */
export function measuredSamples(samples: readonly StepSample[]): readonly StepSample[] {
  return samples.filter((sample) => sample.phase === "measure");
}
