import { setTimeout as delay } from "node:timers/promises";
import { orAborted } from "../abortable.js";
import { HarnessError } from "../errors.js";
import { type BatchLimits, memoryLimits } from "./batch-limits.js";
import type { BatchObservation, BatchProbe } from "./batch-observation.js";
import { type NextBatch, nextBatch } from "./next-batch.js";
import { ratioModel } from "./ratio-model.js";

/** Measures one batch. Its signal is aborted when the time of the probe is over or the search is. */
export type ProbeAt = (batch: number, context: { readonly signal: AbortSignal }) => Promise<BatchProbe>;

export interface SearchBatchOptions {
  /** The share of the memory to come closest to; 0.85 unless given. */
  readonly target_ratio?: number;
  /** A batch whose share lies within ends the search; 0.82 to 0.88 unless given. */
  readonly band?: readonly [low: number, high: number];
  /** Shares above never pass, so none is probed that is expected there; 0.92 unless given, as the contract has it. */
  readonly guard_ratio?: number;
  /** Probes at most; 10 unless given. */
  readonly max_probes?: number;
  /** The share a batch is expected to take. Only its shape matters: it is corrected by what is measured. */
  readonly predict?: (batch: number) => number;
  /** The batch to begin with where nothing is predicted; 1 unless given. */
  readonly start?: number;
  readonly max_batch?: number;
  /** How far the share of a larger batch may lie below that of a smaller one and count as noise; 0.01 unless given. */
  readonly tolerance?: number;
  /** Seconds one probe may take; a batch that takes longer counts as too large. */
  readonly time_limit_s?: number;
  /** Where out of memory is remembered, with the key of everything but the batch; see `limitKey`. */
  readonly limits?: BatchLimits;
  readonly limit_key?: string;
  readonly signal?: AbortSignal;
  readonly onProbe?: (observation: BatchObservation) => void;
}

/**
 * How a search ended. `in_band`: a batch within the band. `best_possible`: none is, and no other batch is known or
 * expected to come closer. `best_so_far`: the probes are used up. `no_ratio`: a batch passed, and nobody measured its
 * share. `none_passes`: not even the smallest. `cancelled`, `error`: broken off.
 */
export type BatchSearchStatus =
  "in_band" | "best_possible" | "best_so_far" | "no_ratio" | "none_passes" | "cancelled" | "error";

export interface BatchSearch {
  readonly status: BatchSearchStatus;
  readonly reason: string;
  /** The passing batch whose share is closest to the target, the smaller of two as close; null where none passed. */
  readonly batch: number | null;
  readonly ratio: number | null;
  /** The smallest batch known not to pass. */
  readonly boundary_batch: number | null;
  readonly target_ratio: number;
  readonly band: readonly [number, number];
  readonly probes: number;
  readonly notes: readonly string[];
  /** Every probe, in order, whatever became of the search. */
  readonly observations: readonly BatchObservation[];
}

/**
 * Finds the batch that takes the wanted share of the memory with the fewest probes: predicts, probes, corrects the
 * prediction, and stops within the band. A batch that ran out of memory is a limit that is never probed again, nor is
 * anything above, also not by later searches that share `limits`. Other failures bound this search alone; a doubtful one
 * is tried once more. Resolves with everything that was observed, however it ends; throws `invalid_argument` only.
 *
 * @example
 * const found = await searchBatch(async (batch) => ({ status: "passed", ratio: 0.1 + 0.03 * batch }));
 * found.batch; // 25
 */
export async function searchBatch(probeAt: ProbeAt, options: SearchBatchOptions = {}): Promise<BatchSearch> {
  const search = checked(options);
  const { target_ratio, band, guard_ratio, max_probes, tolerance, limits, limit_key, signal } = search;
  const observations: BatchObservation[] = [];
  const notes: string[] = [];
  const learnt = await limits.lowestOom(limit_key);
  if (learnt !== null) notes.push(`batch ${learnt} ran out of memory before: nothing from there on is probed`);
  let again: number | null = null;

  const ended = (status: BatchSearchStatus, reason: string): BatchSearch => {
    const best = closest(observations, search);
    const failing = observations.filter(({ batch, status: how }) => bounds(how) && !passed(observations, batch));
    const boundary = Math.min(learnt ?? Infinity, ...failing.map(({ batch }) => batch));
    return {
      status,
      reason,
      batch: best?.batch ?? null,
      ratio: best?.ratio ?? null,
      boundary_batch: Number.isFinite(boundary) ? boundary : null,
      target_ratio,
      band,
      probes: observations.length,
      notes: [...notes, ...nonMonotonic(observations, tolerance)],
      observations,
    };
  };

  while (observations.length < max_probes) {
    if (signal.aborted) return ended("cancelled", "the search was aborted");
    const model = ratioModel(observations, search.predict, target_ratio, tolerance);
    const next: NextBatch =
      again === null ? nextBatch(observations, model, { ...search, learnt }) : { status: "probe", batch: again };
    if (next.status === "none_passes") return ended("none_passes", next.reason);
    if (next.status === "done") return ended("best_possible", next.reason);
    const said = await probeWithin(probeAt, next.batch, search);
    const observation = { ...said, batch: next.batch, predicted_ratio: model.ratio(next.batch) };
    observations.push(observation);
    search.onProbe?.(observation);
    if (said.status === "cancelled") return ended("cancelled", "the search was aborted");
    if (said.status === "error") return ended("error", said.reason ?? "a probe could not be made");
    if (said.status === "oom") await limits.learnOom(limit_key, next.batch);
    again = again === null && (said.status === "throttled" || said.doubtful === true) ? next.batch : null;
    if (said.status !== "passed") continue;
    if (said.ratio === null) return ended("no_ratio", said.reason ?? "the probe does not say what share it took");
    if (said.ratio >= band[0] && said.ratio <= band[1]) return ended("in_band", `${said.ratio} is within the band`);
  }
  const best = closest(observations, search);
  if (best === undefined) return ended("none_passes", `none of ${observations.length} probes passed`);
  const side = best.ratio !== null && best.ratio > guard_ratio ? "above the guard" : "out of the band";
  return ended("best_so_far", `${max_probes} probes are used up; the best share is ${side}`);
}

/** Whether a status says that this batch, and by monotony every larger one, is too large. */
function bounds(status: BatchObservation["status"]): boolean {
  return status !== "passed" && status !== "cancelled" && status !== "error";
}

/** Whether a batch passed, in the last probe of it. */
function passed(observations: readonly BatchObservation[], batch: number): boolean {
  return observations.findLast((one) => one.batch === batch)?.status === "passed";
}

type Checked = Required<Omit<SearchBatchOptions, "predict" | "time_limit_s" | "onProbe">> &
  Pick<SearchBatchOptions, "predict" | "time_limit_s" | "onProbe">;

function checked(options: SearchBatchOptions): Checked {
  const search: Checked = {
    target_ratio: 0.85,
    band: [0.82, 0.88],
    guard_ratio: 0.92,
    max_probes: 10,
    start: 1,
    max_batch: 2 ** 24,
    tolerance: 0.01,
    limits: memoryLimits(),
    limit_key: "",
    signal: new AbortController().signal,
    ...options,
  };
  const { target_ratio, band, max_probes, start, max_batch, tolerance, time_limit_s } = search;
  const problems = [
    target_ratio > 0 && target_ratio <= 1
      ? []
      : [`target_ratio: expected a share above 0 up to 1, found ${target_ratio}`],
    band[0] >= 0 && band[0] <= target_ratio && target_ratio <= band[1]
      ? []
      : [`band: expected low <= target <= high, found ${band.join(" to ")} around ${target_ratio}`],
    [max_probes, start, max_batch].every((count) => Number.isSafeInteger(count) && count >= 1)
      ? []
      : ["max_probes, start, max_batch: expected whole numbers of at least 1"],
    tolerance >= 0 ? [] : [`tolerance: expected a number of at least 0, found ${tolerance}`],
    time_limit_s === undefined || time_limit_s > 0 ? [] : [`time_limit_s: expected more than 0, found ${time_limit_s}`],
  ].flat();
  if (problems.length > 0) throw new HarnessError("invalid_argument", problems.join("; "));
  return search;
}

/** How long a probe may take to end after it was told to; then it is left behind. */
const GRACE_S = 5;

async function probeWithin(probeAt: ProbeAt, batch: number, { signal, time_limit_s }: Checked): Promise<BatchProbe> {
  const timer = new AbortController();
  const over = new AbortController();
  const timeout =
    time_limit_s === undefined
      ? undefined
      : setTimeout(() => timer.abort(new Error(`the probe took longer than ${time_limit_s} s`)), time_limit_s * 1000);
  const both = AbortSignal.any([signal, timer.signal]);
  const leave = (): void => {
    void delay(GRACE_S * 1000, undefined, { ref: false, signal: over.signal })
      .then(() => over.abort(new Error("the probe did not end when it was told to")))
      .catch(() => undefined);
  };
  both.addEventListener("abort", leave, { once: true });
  const cut = (): BatchProbe =>
    signal.aborted
      ? { status: "cancelled", ratio: null, reason: "the search was aborted" }
      : { status: "timeout", ratio: null, reason: `the probe took longer than ${time_limit_s ?? 0} s` };
  try {
    const said = await orAborted(probeAt(batch, { signal: both }), over.signal);
    return both.aborted && said.status !== "passed" ? { ...said, ...cut() } : said;
  } catch (error) {
    if (both.aborted) return cut();
    return { status: "error", ratio: null, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timeout);
    both.removeEventListener("abort", leave);
    over.abort();
  }
}

function closest(observations: readonly BatchObservation[], { target_ratio }: Checked): BatchObservation | undefined {
  const away = ({ ratio }: BatchObservation): number => (ratio === null ? Infinity : Math.abs(ratio - target_ratio));
  return observations
    .filter((one) => one.status === "passed" && passed(observations, one.batch))
    .sort((a, b) => away(a) - away(b) || a.batch - b.batch)[0];
}

function nonMonotonic(observations: readonly BatchObservation[], tolerance: number): string[] {
  const points = observations
    .flatMap(({ batch, ratio, status }) => (ratio === null || status !== "passed" ? [] : [{ batch, ratio }]))
    .sort((a, b) => a.batch - b.batch);
  return points.flatMap(({ batch, ratio }, i) => {
    const before = points[i - 1];
    if (before === undefined || ratio >= before.ratio - tolerance) return [];
    return [`batch ${batch} takes less than batch ${before.batch}: ${ratio} after ${before.ratio}`];
  });
}
