import { type GateVerdict, verdictOf } from "./verdict.js";

/** The largest difference between two losses of one seed on one device (INV-GPUTRAIN-006). */
export const MAX_SEED_LOSS_DELTA = 1e-5;

/** Bounds of the repeated-run study, all inclusive. */
export const STUDY_BOUNDS = {
  per_step_drift_max: 1e-3,
  random_walk_epsilon: 3e-4,
  cosine_sim_worst: 0.99999999,
  final_loss_range: 2e-3,
} as const;

/** The largest cosine that rounding can explain. */
const MAX_COSINE = 1.0001;

/** A difference between two losses: finite, not negative, at most `tolerance`. In float32, as losses are. */
export function lossDeltaVerdict(delta: number, tolerance: number = MAX_SEED_LOSS_DELTA): GateVerdict {
  const [found, bound] = [Math.fround(delta), Math.fround(tolerance)];
  return verdictOf(Number.isFinite(found) && Number.isFinite(bound) && found >= 0 && bound >= 0 && found <= bound);
}

/**
 * Two loss trajectories of one seed on one device: as long as each other, not empty, finite, and nowhere more than
 * `tolerance` apart. A tolerance that is not finite fails. In float32, as losses are.
 */
export function lossTrajectoryVerdict(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  tolerance: number = MAX_SEED_LOSS_DELTA,
): GateVerdict {
  const bound = Math.fround(tolerance);
  const values = Array.from(a, Math.fround);
  const others = Array.from(b, Math.fround);
  return verdictOf(
    values.length > 0 &&
      values.length === others.length &&
      values.every((value, step) => within(value, others[step] ?? Number.NaN, bound)),
  );
}

function within(a: number, b: number, tolerance: number): boolean {
  if (!Number.isFinite(a) || !Number.isFinite(b) || !Number.isFinite(tolerance) || tolerance < 0) return false;
  return Math.fround(Math.abs(a - b)) <= tolerance;
}

/** What a study of repeated runs of one seed found. */
export interface ReproducibilityStudy {
  /** max over steps and pairs of |L_i - L_j| */
  readonly per_step_drift_max: number;
  /** max over steps k of (range of the losses at k) / sqrt(k + 1) */
  readonly random_walk_epsilon: number;
  /** The least cosine between two trajectories. */
  readonly cosine_sim_worst: number;
  /** Range of the final validation losses. */
  readonly final_loss_range: number;
}

/** One of the repeated runs: the loss of each step, and the validation loss at the end. */
export interface RepeatedRun {
  readonly losses: ArrayLike<number>;
  readonly final_loss: number;
}

/**
 * The figures of repeated runs of one seed, in float64. All are NaN, which no bound admits, with fewer than two runs or
 * with runs that are empty or not of one length: there is nothing to compare.
 */
export function reproducibilityStudy(runs: readonly RepeatedRun[]): ReproducibilityStudy {
  const trajectories = runs.map(({ losses }) => Float64Array.from(losses));
  const steps = trajectories[0]?.length ?? 0;
  if (runs.length < 2 || steps === 0 || trajectories.some(({ length }) => length !== steps)) {
    const none = Number.NaN;
    return { per_step_drift_max: none, random_walk_epsilon: none, cosine_sim_worst: none, final_loss_range: none };
  }
  // The largest difference between any two runs at a step is the range of all of them there.
  const ranges = Array.from({ length: steps }, (_, step) => range(trajectories.map((losses) => losses[step] ?? NaN)));
  const cosines = trajectories.flatMap((a, i) => trajectories.slice(i + 1).map((b) => cosine(a, b)));
  return {
    per_step_drift_max: largest(ranges),
    random_walk_epsilon: largest(ranges.map((width, step) => width / Math.sqrt(step + 1))),
    cosine_sim_worst: -largest(cosines.map((value) => -value)),
    final_loss_range: range(runs.map(({ final_loss }) => final_loss)),
  };
}

// Not by spreading: a run of a million steps has more values than a call takes arguments.
function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

function range(values: readonly number[]): number {
  return largest(values) + largest(values.map((value) => -value));
}

function cosine(a: Float64Array, b: Float64Array): number {
  const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, value, i) => sum + value * (y[i] ?? NaN), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/**
 * The study layer of INV-GPUTRAIN-006, in float64. In float32 the bound on the cosine is exactly 1, so a study that
 * just misses 0.99999999 would pass there and fails here.
 */
export function studyVerdict(study: ReproducibilityStudy): GateVerdict {
  const { per_step_drift_max: drift, random_walk_epsilon: walk, cosine_sim_worst: worst, final_loss_range } = study;
  const inRange = (value: number, min: number, max: number): boolean => value >= min && value <= max;
  return verdictOf(
    inRange(drift, 0, STUDY_BOUNDS.per_step_drift_max) &&
      inRange(walk, 0, STUDY_BOUNDS.random_walk_epsilon) &&
      inRange(worst, STUDY_BOUNDS.cosine_sim_worst, MAX_COSINE) &&
      inRange(final_loss_range, 0, STUDY_BOUNDS.final_loss_range),
  );
}
