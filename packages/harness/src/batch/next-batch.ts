import type { BatchObservation } from "./batch-observation.js";
import type { RatioModel } from "./ratio-model.js";

/** What a search does next. */
export type NextBatch =
  | { readonly status: "probe"; readonly batch: number }
  /** No batch that was not probed can be expected to come closer. */
  | { readonly status: "done"; readonly reason: string }
  | { readonly status: "none_passes"; readonly reason: string };

export interface NextBatchLimits {
  readonly target_ratio: number;
  readonly guard_ratio: number;
  readonly start: number;
  readonly max_batch: number;
  /** The smallest batch that ran out of memory in an earlier search. */
  readonly learnt: number | null;
}

/** A share expected this much above the guard is believed without a probe, which would only run out of memory. */
const BEYOND_DOUBT = 1.1;
/** How much of the growth that is only predicted is believed: its fixed part may be far off, and then it is scaled up. */
const BELIEVED = { measured: 1, predicted: 0.5 } as const;
/** Where to go after the first batch ran out of memory: at most this share of it. */
const RETREAT = 0.7;
/** Probes within a bracket after which it is halved: a line may creep up on a step of the allocator. */
const PATIENCE = 3;

/** Chooses the next batch from what was observed and what is believed; pure. */
export function nextBatch(
  observations: readonly BatchObservation[],
  model: RatioModel,
  limits: NextBatchLimits,
): NextBatch {
  const { target_ratio, guard_ratio, start, max_batch, learnt } = limits;
  const { low, high, passing } = bracket(observations, target_ratio, Math.min(learnt ?? Infinity, max_batch + 1));
  if (high <= 1) return { status: "none_passes", reason: "a batch of 1 does not pass" };
  if (high - low <= 1) {
    const reason =
      high > max_batch ? `the largest batch allowed is ${max_batch}` : `batch ${high} is beyond the target`;
    return { status: "done", reason };
  }
  const [known, following] = [model.ratio(low), model.ratio(low + 1)];
  if (passing && model.rests_on !== "guess" && known !== null && following !== null) {
    const least = known + BELIEVED[model.rests_on] * (following - known);
    if (least > guard_ratio * BEYOND_DOUBT) {
      const expected = following.toPrecision(3);
      const reason = `batch ${low + 1} is expected to take ${expected} of the memory; it was not probed`;
      return { status: "done", reason };
    }
  }
  const free = (batch: number): { readonly status: "probe"; readonly batch: number } => ({
    status: "probe",
    batch: Math.min(Math.max(batch, low + 1), high - 1),
  });
  const bounded = high <= max_batch;
  if (observations.length === 0 && model.ratio(1) === null) return free(start);
  const wanted = model.batchAt(target_ratio);
  const blind = observations.some(({ batch, ratio }) => batch === high && ratio === null);
  if (blind && !passing) {
    const retreat = observations.length > 1 ? RETREAT ** 2 : RETREAT;
    return free(Math.floor(Math.min(wanted ?? Infinity, high * retreat)));
  }
  if (bounded && observations.filter(({ batch }) => batch >= low && batch <= high).length > PATIENCE) {
    return free(Math.floor((low + high) / 2));
  }
  if (wanted === null || wanted >= high) return free(bounded ? Math.floor((low + high) / 2) : max_batch);
  return free(nearestWhole(wanted, model, target_ratio, guard_ratio));
}

/** The whole batch whose expected share is closer to the target, unless that is above the guard. */
function nearestWhole(wanted: number, model: RatioModel, target: number, guard: number): number {
  const below = Math.max(1, Math.floor(wanted));
  const above = below + 1;
  const [low, high] = [model.ratio(below) ?? 0, model.ratio(above) ?? Infinity];
  return high <= guard && Math.abs(high - target) < Math.abs(low - target) ? above : below;
}

/** The batches between which the target lies: `low` takes less, or is 0; `high` takes more or does not pass. */
function bracket(
  observations: readonly BatchObservation[],
  target: number,
  limit: number,
): { readonly low: number; readonly high: number; readonly passing: boolean } {
  const last = new Map(observations.map((one) => [one.batch, one] as const));
  let low = 0;
  for (const { batch, status, ratio } of last.values()) {
    if (status === "passed" && ratio !== null && ratio < target && batch < limit) low = Math.max(low, batch);
  }
  let high = limit;
  for (const { batch, status, ratio } of last.values()) {
    // Below a batch that takes less than the target, one that takes more is noise; one out of memory is not.
    const beyond = status !== "passed" || (ratio !== null && ratio >= target);
    if (beyond && (batch > low || status === "oom")) high = Math.min(high, batch);
  }
  const passing = [...last.values()].some(({ status }) => status === "passed");
  return { low: Math.min(low, high - 1), high, passing };
}
