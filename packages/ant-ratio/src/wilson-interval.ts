import { AntRatioError } from "./errors.js";

/** Where the truth may lie, both ends included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The z of a two-sided confidence: the quantile of the standard normal at (1 + confidence) / 2, to about 1e-15
 * (Acklam's rational approximation, then one step of Halley's method on the error function).
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) {
    throw new AntRatioError("invalid_argument", `p: expected a number between 0 and 1, found ${p}`);
  }
  const x = acklam(p);
  const error = upperTail(-x) - p;
  const u = error * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2);
  return x - u / (1 + (x * u) / 2);
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

/** P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003): relative error 1.15e-9. */
function acklam(p: number): number {
  const a = [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239,
  ];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1];
  const c = [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
  const edge = 0.02425;
  if (p > 1 - edge) return -acklam(1 - p);
  if (p < edge) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(c, q) / polynomial(d, q);
  }
  const q = p - 0.5;
  return (q * polynomial(a, q * q)) / polynomial(b, q * q);
}

/** P(Z > x) of the standard normal, by the continued fraction for large x and the series for small. */
function upperTail(x: number): number {
  if (x < 0) return 1 - upperTail(-x);
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= (x * x) / (2 * n + 1);
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = x;
  for (let n = 160; n >= 1; n--) fraction = x + n / fraction;
  return density / fraction;
}

/**
 * The Wilson score interval of a share, `hits` of `n`, at a two-sided confidence (0.95 by default). Unlike the
 * textbook interval it stays within 0 and 1 and holds for small n and for shares near the ends. Throws
 * `invalid_argument` unless 0 <= hits <= n, n >= 1 and 0 < confidence < 1.
 *
 * Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
 *
 * @example
 * wilsonInterval(34, 6656); // { low: 0.0036..., high: 0.0071... }
 */
export function wilsonInterval(hits: number, n: number, confidence = 0.95): Interval {
  if (!Number.isSafeInteger(n) || n < 1 || !Number.isFinite(hits) || hits < 0 || hits > n) {
    throw new AntRatioError("invalid_argument", `expected 0 <= hits <= n and n >= 1, found ${hits} of ${n}`);
  }
  if (!(confidence > 0 && confidence < 1)) {
    throw new AntRatioError("invalid_argument", `confidence: expected a number between 0 and 1, found ${confidence}`);
  }
  const z = normalQuantile((1 + confidence) / 2);
  const share = hits / n;
  const shrink = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / shrink;
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return { low: hits === 0 ? 0 : Math.max(0, centre - half), high: hits === n ? 1 : Math.min(1, centre + half) };
}
