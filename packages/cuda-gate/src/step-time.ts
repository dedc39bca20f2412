import { type GateVerdict, verdictOf } from "./verdict.js";

/** The budget of INV-GPUTRAIN-005 in milliseconds, for the configuration its contract names. */
export const MAX_STEP_MS = 500;

/** The steps whose median counts, both included. */
export const STEP_WINDOW = { first: 20, last: 49 } as const;

/**
 * INV-GPUTRAIN-005: pass iff both are finite, the time is not negative, the budget is positive, and the time is at most
 * the budget. Compared in float32, as the contract's own constants are: 500.00000001 is 500 there.
 */
export function stepTimeVerdict(measured_ms: number, budget_ms: number = MAX_STEP_MS): GateVerdict {
  const measured = Math.fround(measured_ms);
  const budget = Math.fround(budget_ms);
  return verdictOf(
    Number.isFinite(measured) && Number.isFinite(budget) && measured >= 0 && budget > 0 && measured <= budget,
  );
}

export interface StepTime {
  readonly step: number;
  readonly wall_ms: number;
}

export type WindowMedian =
  | { readonly status: "ok"; readonly median_ms: number }
  | {
      readonly status: "unusable";
      readonly code: "missing_step" | "out_of_order" | "not_a_time";
      readonly why: string;
    };

/**
 * The median of steps 20 to 49, in float64; with an even count it is the mean of the two in the middle. Steps must rise
 * strictly and none of the window may be missing: a median over what happens to be there is of something else.
 */
export function windowMedian(records: readonly StepTime[]): WindowMedian {
  const { first, last } = STEP_WINDOW;
  const times: number[] = [];
  let previous = -1;
  for (const { step, wall_ms } of records) {
    if (!Number.isInteger(step) || step <= previous) {
      return { status: "unusable", code: "out_of_order", why: `step ${step} comes after step ${previous}` };
    }
    previous = step;
    if (step < first || step > last) continue;
    if (!Number.isFinite(wall_ms) || wall_ms < 0) {
      return { status: "unusable", code: "not_a_time", why: `step ${step} took ${wall_ms} ms` };
    }
    times.push(wall_ms);
  }
  const wanted = last - first + 1;
  if (times.length !== wanted) {
    const why = `steps ${first} to ${last} need ${wanted} records, found ${times.length}`;
    return { status: "unusable", code: "missing_step", why };
  }
  const sorted = Float64Array.from(times).sort();
  const upper = sorted[wanted / 2] ?? Number.NaN;
  const lower = sorted[wanted / 2 - 1] ?? Number.NaN;
  return { status: "ok", median_ms: (lower + upper) / 2 };
}
