import type { BatchObservation } from "./batch-observation.js";

/** What is believed of the share a batch takes. */
export interface RatioModel {
  /** Null where nothing is known. */
  ratio(batch: number): number | null;
  /** The batch, not a whole one, whose share is `ratio`; Infinity where memory does not grow. */
  batchAt(ratio: number): number | null;
  /** What a step away from what was measured rests on; `guess` is one line through the origin, or nothing measured. */
  readonly rests_on: "measured" | "predicted" | "guess";
}

/** Shares that differ by less than this many tolerances tell no slope. */
const CLEAR_TOLERANCES = 4;
/** How far beyond the largest measured batch a slope is followed that noise may have made. */
const UNCERTAIN_GROWTH = 8;

/**
 * A line through what was measured, over the predicted share where there is a prediction and over the batch otherwise:
 * through the two measurements nearest to the target; with one measurement through it and the origin, which for memory
 * with a fixed part falls short of the target rather than beyond it; with none the prediction itself.
 */
export function ratioModel(
  observations: readonly BatchObservation[],
  predict: ((batch: number) => number) | undefined,
  target: number,
  tolerance: number,
): RatioModel {
  const x = predict ?? ((batch: number): number => batch);
  const points = latest(observations);
  const [a, b] = nearestTwo(points, target);
  if (a === undefined) {
    if (predict === undefined) return { ratio: () => null, batchAt: () => null, rests_on: "guess" };
    return { ratio: x, batchAt: (ratio) => invert(x, ratio), rests_on: "guess" };
  }
  const through_origin = x(a.batch) > 0 ? a.ratio / x(a.batch) : 0;
  const rise = b === undefined ? 0 : (b.ratio - a.ratio) / (x(b.batch) - x(a.batch));
  const clear = b !== undefined && rise > 0 && Math.abs(b.ratio - a.ratio) >= CLEAR_TOLERANCES * tolerance;
  if (!clear) {
    // Too close to tell a slope: follow the prediction from the nearest point on, or a little beyond the largest batch.
    const most = Math.max(...points.map(({ batch }) => batch));
    const slope = predict === undefined ? Math.max(rise, 0) : through_origin;
    const along = (batch: number): number => a.ratio + slope * (x(batch) - x(a.batch));
    if (predict === undefined && b === undefined) {
      return scaled(x, through_origin);
    }
    const far = predict === undefined ? most * UNCERTAIN_GROWTH : Infinity;
    return {
      ratio: along,
      batchAt: (ratio) => Math.min(far, slope > 0 ? invert(x, x(a.batch) + (ratio - a.ratio) / slope) : Infinity),
      rests_on: predict === undefined ? "guess" : "predicted",
    };
  }
  return {
    ratio: (batch) => a.ratio + rise * (x(batch) - x(a.batch)),
    batchAt: (ratio) => invert(x, x(a.batch) + (ratio - a.ratio) / rise),
    rests_on: "measured",
  };
}

interface Point {
  readonly batch: number;
  readonly ratio: number;
}

/** The share of each batch: of one that was probed twice, what the second probe said. */
function latest(observations: readonly BatchObservation[]): readonly Point[] {
  const known = new Map<number, number>();
  for (const { batch, ratio, status } of observations) {
    if (ratio !== null && ratio > 0 && (status === "passed" || status === "failed")) known.set(batch, ratio);
  }
  return [...known].map(([batch, ratio]) => ({ batch, ratio }));
}

/** The nearest point below the target and the nearest above it; two of one side where the other has none. */
function nearestTwo(points: readonly Point[], target: number): readonly [Point | undefined, Point | undefined] {
  const near = [...points].sort((p, q) => Math.abs(p.ratio - target) - Math.abs(q.ratio - target));
  const first = near[0];
  const other = near.find(({ ratio }) => first !== undefined && ratio < target !== first.ratio < target) ?? near[1];
  return [first, other];
}

function scaled(x: (batch: number) => number, factor: number): RatioModel {
  return {
    ratio: (batch) => factor * x(batch),
    batchAt: (ratio) => (factor > 0 ? invert(x, ratio / factor) : Infinity),
    rests_on: "guess",
  };
}

const MOST = 2 ** 40;

/** Where a growing function reaches a value, between whole batches by a straight line. */
function invert(x: (batch: number) => number, value: number): number {
  if (!(x(1) < value)) return 1;
  let low = 1;
  let high = 2;
  while (x(high) < value) {
    low = high;
    high *= 2;
    if (high > MOST) return Infinity;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (x(middle) < value) low = middle;
    else high = middle;
  }
  const step = x(high) - x(low);
  return step > 0 ? low + (value - x(low)) / step : high;
}
