import { OBJECTIVE_V1, type RunRecord, judge, measuredSamples } from "@vrx/objective-contract";
import { HarnessError } from "../errors.js";
import { logRatioInterval, medianOf } from "./bootstrap.js";
import { hostDifferences, hostFacts, otherDifferences } from "./host-facts.js";
import { type NoiseFloor, floorMismatches, floorSubject } from "./noise-floor.js";

/** The fewest measured steps of a run whose times are compared; the contract asks for as many. */
export const MIN_COMPARED_STEPS = 20;

/** How a comparison went. */
export type ComparisonStatus = "same" | "faster" | "slower" | "ambiguous" | "incomparable";

/** What `compareRuns` found, and why. */
export interface Comparison {
  readonly status: ComparisonStatus;
  /** At least one reason, in words. */
  readonly why: readonly string[];
  /** Step time of `next` over that of `base`: 1.1 takes 10 % longer. Null where they cannot be compared. */
  readonly ratio: number | null;
  /** The 95 % interval of the ratio; null where they cannot be compared. */
  readonly interval: readonly [number, number] | null;
  /** The difference that counts, as a share: what was asked for, or the noise floor. */
  readonly threshold_ratio: number | null;
  /** The noise floor of this host for this workload; null where there is none. */
  readonly floor_ratio: number | null;
  /** What else differs, and may be what is compared: engines, versions, drivers. */
  readonly differences: readonly string[];
}

export interface CompareOptions {
  /** The floors that are known, of any hosts and workloads. */
  readonly floors: readonly NoiseFloor[];
  /** The difference that counts, as a share of the step time; the noise floor unless given. */
  readonly threshold_ratio?: number;
}

/**
 * Whether `next` is as fast as `base`, by the medians of their step times: one run or several on each side.
 *
 * The 95 % interval of the ratio comes from a bootstrap over runs and blocks of steps (`logRatioInterval`). It lies
 * within the threshold: `same`; beyond it altogether: `faster` or `slower`; otherwise `ambiguous`. The threshold is never
 * below the noise floor of this host for this workload, which holds the variance between runs that one run on each side
 * cannot show; a smaller one is refused with `invalid_argument`. `incomparable`: other workloads or hosts, a run that is
 * invalid or failed, on a simulated device or with fewer than 20 measured steps, or no floor for it. Equivalence by an
 * interval within a margin: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 1987.
 */
export function compareRuns(
  base: RunRecord | readonly RunRecord[],
  next: RunRecord | readonly RunRecord[],
  options: CompareOptions,
): Comparison {
  const sides = { base: listOf(base), next: listOf(next) };
  const [first] = sides.base;
  if (first === undefined || sides.next.length === 0) {
    throw new HarnessError("invalid_argument", "expected at least one run on each side, found none");
  }
  const { threshold_ratio: wanted } = options;
  if (wanted !== undefined && !(wanted > 0 && Number.isFinite(wanted))) {
    throw new HarnessError("invalid_argument", `threshold_ratio: expected a number above 0, found ${wanted}`);
  }
  const all = [...sides.base, ...sides.next];
  const why = [
    ...sides.base.flatMap((run, i) => unusable(run, nameOf("base", i, sides.base.length))),
    ...sides.next.flatMap((run, i) => unusable(run, nameOf("next", i, sides.next.length))),
    ...unique(all.flatMap((run) => unlike(first, run))),
  ];
  const differences = unique(all.flatMap((run) => telling(first, run)));
  const incomparable = (reasons: readonly string[], floor_ratio: number | null = null): Comparison => ({
    status: "incomparable",
    why: reasons,
    ratio: null,
    interval: null,
    threshold_ratio: wanted ?? null,
    floor_ratio,
    differences,
  });
  if (why.length > 0) return incomparable(why);
  const floor = floorOf(all, options.floors);
  if (typeof floor === "string") return incomparable([floor]);
  if (wanted !== undefined && wanted < floor) {
    throw new HarnessError(
      "invalid_argument",
      `threshold_ratio: expected at least ${floor.toFixed(4)}, the noise floor of this host, found ${wanted}: ` +
        "a smaller difference cannot be told from noise here",
      { details: { floor_ratio: floor, threshold_ratio: wanted } },
    );
  }
  const threshold = wanted ?? floor;
  const times = { base: sides.base.map(timesOf), next: sides.next.map(timesOf) };
  const ratio = sideMedian(times.next) / sideMedian(times.base);
  const [low, high] = logRatioInterval(times.base, times.next).map(Math.exp) as [number, number];
  const { status, reason } = decided(ratio, [low, high], threshold);
  return {
    status,
    why: [reason],
    ratio,
    interval: [low, high],
    threshold_ratio: threshold,
    floor_ratio: floor,
    differences,
  };
}

function decided(
  ratio: number,
  [low, high]: readonly [number, number],
  threshold: number,
): { readonly status: ComparisonStatus; readonly reason: string } {
  const limit = 1 + threshold;
  const figures = `${percent(ratio)} (95 % interval ${percent(low)} to ${percent(high)})`;
  const against = `the threshold of ${(100 * threshold).toFixed(1)} %`;
  if (low > limit) return { status: "slower", reason: `steps take ${figures}, all of it beyond ${against}` };
  if (high < 1 / limit) return { status: "faster", reason: `steps take ${figures}, all of it beyond ${against}` };
  if (low >= 1 / limit && high <= limit)
    return { status: "same", reason: `steps take ${figures}, all of it within ${against}` };
  return {
    status: "ambiguous",
    reason: `steps take ${figures}, which is on both sides of ${against}: measure more runs`,
  };
}

function percent(ratio: number): string {
  const change = 100 * (ratio - 1);
  return `${change >= 0 ? "+" : ""}${change.toFixed(1)} %`;
}

function listOf(side: RunRecord | readonly RunRecord[]): readonly RunRecord[] {
  return "header" in side ? [side] : side;
}

function nameOf(side: string, index: number, count: number): string {
  return count === 1 ? side : `${side}, run ${index + 1}`;
}

/** Why the times of a run are no evidence of how fast it is. */
function unusable(run: RunRecord, name: string): readonly string[] {
  const verdict = judge(run, OBJECTIVE_V1);
  const reasons: string[] = [];
  if (verdict.status === "fail") reasons.push(`${name}: it failed: ${verdict.fail_reasons.join(", ")}`);
  if (verdict.status === "invalid") {
    reasons.push(`${name}: it is invalid: ${verdict.invalid_reasons.map(({ message }) => message).join("; ")}`);
  }
  if (run.outcome.status !== "completed") reasons.push(`${name}: it was not completed (${run.outcome.stop_reason})`);
  const steps = timesOf(run).length;
  if (steps < MIN_COMPARED_STEPS) {
    reasons.push(`${name}: expected at least ${MIN_COMPARED_STEPS} measured steps, found ${steps}`);
  }
  return reasons;
}

/** What makes two runs measurements of different things. */
function unlike(a: RunRecord, b: RunRecord): readonly string[] {
  const [one, other] = [floorSubject(a), floorSubject(b)];
  const keys = ["workload_digest", "heads", "device", "step_time_mode"] as const;
  const [p, q] = [a.outcome.executed?.precision ?? null, b.outcome.executed?.precision ?? null];
  return [
    ...keys.flatMap((key) =>
      one[key] === other[key] ? [] : [`${key}: ${String(one[key])} and ${String(other[key])}`],
    ),
    ...(p === q ? [] : [`executed precision: ${String(p)} and ${String(q)}`]),
    ...hostDifferences(hostFacts(a.env), hostFacts(b.env)),
  ];
}

function telling(a: RunRecord, b: RunRecord): readonly string[] {
  const keys = ["engine", "engine_version", "threads", "run_options_digest"] as const;
  return [
    ...keys.flatMap((key) =>
      a.header[key] === b.header[key] ? [] : [`${key}: ${String(a.header[key])} and ${String(b.header[key])}`],
    ),
    ...otherDifferences(a.env, b.env),
  ];
}

/** The largest of the floors of the runs, or why there is none. */
function floorOf(runs: readonly RunRecord[], floors: readonly NoiseFloor[]): number | string {
  let largest = 0;
  for (const run of runs) {
    const fitting = floors.filter((floor) => floorMismatches(floor, run).length === 0);
    const [floor] = fitting.toSorted((a, b) => (a.measured_utc < b.measured_utc ? 1 : -1));
    if (floor === undefined) {
      const { engine, device, workload_digest } = floorSubject(run);
      const what = `workload ${workload_digest.slice(0, 12)} with ${engine} on ${device}`;
      return `no noise floor of host ${String(run.env.host)} is known for ${what}: measure it with \`vrx calibrate\``;
    }
    largest = Math.max(largest, floor.floor_ratio);
  }
  return largest;
}

function timesOf(run: RunRecord): Float64Array {
  const times = measuredSamples(run.samples).map(({ time_s }) => time_s);
  return Float64Array.from(times.filter((time_s) => Number.isFinite(time_s) && time_s > 0));
}

function sideMedian(runs: readonly Float64Array[]): number {
  return medianOf(Float64Array.from(runs, (run) => medianOf(Float64Array.from(run))));
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
