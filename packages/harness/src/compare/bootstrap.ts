import { randomStream } from "@vrx/ring-engine";

/** How many resamples an interval is taken from; fewer where a side has very many steps. */
const RESAMPLES = { most: 2_000, fewest: 200, steps_in_all: 8_000_000 } as const;

/** The quantiles of a two-sided 95 % interval. */
const [LOW, HIGH] = [0.025, 0.975];

/**
 * The 95 % percentile interval of ln(next / base), where a side is the median over its runs of the median step time.
 * Runs are drawn with replacement, and within a run blocks of neighbouring steps, since steps that follow each other are
 * alike: the moving block bootstrap with blocks of n^(1/3) steps (Kuensch, Annals of Statistics 17, 1989; Davison and
 * Hinkley, Bootstrap Methods, 1997, 3.8 and 8.2). The same runs give the same interval: the generator is seeded.
 */
export function logRatioInterval(
  base: readonly Float64Array[],
  next: readonly Float64Array[],
): readonly [number, number] {
  const steps = [...base, ...next].reduce((sum, run) => sum + run.length, 0);
  const resamples = Math.max(RESAMPLES.fewest, Math.min(RESAMPLES.most, Math.floor(RESAMPLES.steps_in_all / steps)));
  const stream = randomStream(0, "data", 0);
  let drawn = 0;
  const below = (limit: number): number => Math.floor(stream.uniform(drawn++) * limit);
  const ratios = Float64Array.from({ length: resamples }, () =>
    Math.log(resampled(next, below) / resampled(base, below)),
  );
  ratios.sort();
  return [quantile(ratios, LOW), quantile(ratios, HIGH)];
}

function resampled(runs: readonly Float64Array[], below: (limit: number) => number): number {
  return medianOf(
    Float64Array.from(runs, () => {
      const run = runs[below(runs.length)] ?? new Float64Array();
      const block = Math.ceil(Math.cbrt(run.length));
      const steps = new Float64Array(run.length);
      for (let filled = 0; filled < steps.length; filled += block) {
        const from = below(run.length - block + 1);
        steps.set(run.subarray(from, from + Math.min(block, steps.length - filled)), filled);
      }
      return medianOf(steps);
    }),
  );
}

/** The median; of an even number of values, the middle of the two. Sorts what it is given. */
export function medianOf(values: Float64Array): number {
  values.sort();
  const half = values.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = values.subarray(half - 1 + (values.length % 2), half + 1);
  return values.length % 2 === 1 ? low : (low + high) / 2;
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
