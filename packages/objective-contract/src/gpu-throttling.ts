import type { RunRecord } from "./run-record.js";
import { type StepSample, measuredSamples } from "./step-sample.js";

/**
 * Reasons for low clocks that spoil a figure whatever the clocks are: the hardware defends itself against heat or a lack
 * of power, or the driver against heat. Names as NVML has them (`nvmlClocksEventReason*`, nvml.h).
 */
export const INVALIDATING_THROTTLE_REASONS = [
  "hw_slowdown",
  "hw_thermal_slowdown",
  "hw_power_brake_slowdown",
  "sw_thermal_slowdown",
] as const;

/** The driver keeps the card within its power limit: the ordinary state of a busy GPU, and no fault by itself. */
export const POWER_CAP_REASON = "sw_power_cap";

/** Under a power cap, an SM clock below this share of the host's own baseline is well below it. */
export const MIN_CAPPED_CLOCK_SHARE = 0.85;

/** A measured step whose figures are not those of the GPU it ran on, with what held its clocks down. */
export interface ThrottledStep {
  readonly step: number;
  readonly reasons: readonly string[];
}

/** The measured steps that the hardware or heat held down. */
export function throttledSteps(samples: readonly StepSample[]): readonly ThrottledStep[] {
  const spoils = (reason: string): boolean => INVALIDATING_THROTTLE_REASONS.some((known) => known === reason);
  return measuredSamples(samples).flatMap(({ step, throttle_reasons }) => {
    const reasons = (throttle_reasons ?? []).filter(spoils);
    return reasons.length === 0 ? [] : [{ step, reasons }];
  });
}

/**
 * The measured steps under a software power cap whose SM clock is well below the baseline of this host; none where the
 * run has no baseline.
 */
export function cappedSteps({ samples, outcome }: Pick<RunRecord, "samples" | "outcome">): readonly StepSample[] {
  const baseline = outcome.gpu?.baseline_sm_clock_mhz ?? null;
  if (baseline === null) return [];
  return measuredSamples(samples).filter(({ sm_clock_mhz = null, throttle_reasons }) => {
    const capped = throttle_reasons?.includes(POWER_CAP_REASON) === true;
    return capped && sm_clock_mhz !== null && sm_clock_mhz < MIN_CAPPED_CLOCK_SHARE * baseline;
  });
}

/** Step numbers in few words: `3 to 9, 12`. */
export function stepRanges(steps: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const step of steps) {
    const last = ranges.at(-1);
    if (last?.to === step - 1) last.to = step;
    else ranges.push({ from: step, to: step });
  }
  const shown = ranges.slice(0, 8).map(({ from, to }) => (from === to ? String(from) : `${from} to ${to}`));
  return [...shown, ...(ranges.length > shown.length ? [`${ranges.length - shown.length} more ranges`] : [])].join(
    ", ",
  );
}
