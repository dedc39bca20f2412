import { medianOf } from "../compare/bootstrap.js";
import { HarnessError } from "../errors.js";

/** One figure of one host; null where it has none, and why. */
export interface HostFigure {
  readonly host: string;
  readonly value: number | null;
  readonly why: string | null;
}

/** `slow` and `fast` are outliers. `alone`: too few hosts to say. `no_figure`: nothing was measured there. */
export type HostStanding = "usual" | "slow" | "fast" | "alone" | "no_figure";

/** Where a host stands among the others. */
export interface JudgedHost extends HostFigure {
  readonly standing: HostStanding;
  /** The modified z-score; null where there is none. */
  readonly score: number | null;
}

/** What the hosts say of each other. */
export interface HostSurvey {
  readonly median: number | null;
  /** The median of the distances from the median. */
  readonly mad: number | null;
  readonly hosts: readonly JudgedHost[];
}

export interface OutlierOptions {
  /** The modified z-score beyond which a host is an outlier; 3.5 unless given. */
  readonly threshold?: number;
  /** A distance from the median, as a share of it, that is no outlier whatever its score; 0.02 unless given. */
  readonly least_ratio?: number;
}

/** The fewest hosts among which one can be an outlier. */
export const MIN_SURVEYED_HOSTS = 3;

/** Makes the MAD of normal variates their standard deviation: the 75 % quantile of the normal distribution. */
const NORMAL = 0.6745;

/** The same for the mean distance: sqrt(pi / 2). */
const NORMAL_MEAN = 1.253314;

/**
 * Finds hosts that are slower or faster than the others by a figure where less is better, such as a step time: the
 * modified z-score 0.6745 (x - median) / MAD is beyond 3.5 (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993;
 * where more than half are alike and the MAD is 0, the mean distance takes its place), and the distance is at least 2 %
 * of the median. Throws `invalid_argument` for a figure that is not above 0.
 */
export function hostOutliers(
  figures: readonly HostFigure[],
  { threshold = 3.5, least_ratio = 0.02 }: OutlierOptions = {},
): HostSurvey {
  const values = figures.flatMap(({ value }) => (value === null ? [] : [value]));
  const wrong = values.find((value) => !(value > 0 && Number.isFinite(value)));
  if (wrong !== undefined)
    throw new HarnessError("invalid_argument", `value: expected a number above 0, found ${wrong}`);
  if (values.length === 0) {
    return { median: null, mad: null, hosts: figures.map((one) => ({ ...one, standing: "no_figure", score: null })) };
  }
  const median = medianOf(Float64Array.from(values));
  const distances = values.map((value) => Math.abs(value - median));
  const mad = medianOf(Float64Array.from(distances));
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  const spread = mad > 0 ? mad / NORMAL : mean * NORMAL_MEAN;
  const judged = (figure: HostFigure): JudgedHost => {
    const { value } = figure;
    if (value === null) return { ...figure, standing: "no_figure", score: null };
    if (values.length < MIN_SURVEYED_HOSTS) return { ...figure, standing: "alone", score: null };
    const score = spread > 0 ? (value - median) / spread : 0;
    const isOutlier = Math.abs(score) > threshold && Math.abs(value - median) >= least_ratio * median;
    return { ...figure, standing: isOutlier ? (score > 0 ? "slow" : "fast") : "usual", score };
  };
  return { median, mad, hosts: figures.map(judged) };
}
