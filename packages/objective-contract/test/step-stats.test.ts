import { heartbeatThreshold, stepStats } from "@vrx/objective-contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** 1, 2, ..., n in an order that is not sorted as text or numbers. */
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => n - i);

describe("order statistics", () => {
  it.each([
    [1, 1, 1],
    [2, 2, 1],
    [3, 2, 2],
    [4, 3, 3],
    [20, 11, 19],
    [50, 26, 47],
    [200, 101, 190],
  ])("of %i values 1..n have median %i and p95 %i", (n, median_s, p95_s) => {
    expect(stepStats(upTo(n))).toEqual({ count: n, median_s, p95_s, min_s: 1, max_s: n });
  });

  it("are null of nothing", () => {
    expect(stepStats([])).toEqual({ count: 0, median_s: null, p95_s: null, min_s: null, max_s: null });
  });

  it("refuse what is not a time, and leave the input alone", () => {
    expect(() => stepStats([1, NaN])).toThrow(RangeError);
    const times = Float64Array.of(3, 1, 2);
    stepStats(times);
    expect([...times]).toEqual([3, 1, 2]);
  });

  it("are values that were measured, in order, whatever the order of the input", () => {
    const times = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(times, (values) => {
        const stats = stepStats(values);
        expect(values).toContain(stats.median_s);
        expect(values).toContain(stats.p95_s);
        expect(stats.max_s!).toBeGreaterThanOrEqual(stats.p95_s!);
        expect(stats.median_s!).toBeGreaterThanOrEqual(stats.min_s!);
        expect(stepStats([...values].reverse())).toEqual(stats);
      }),
    );
  });
});

describe("the heartbeat's threshold", () => {
  it.each([
    [0.1, 60],
    [6, 60],
    [7, 70],
    [0, 60],
    [-1, 60],
    [NaN, 60],
    [Infinity, 60],
  ])("at a median of %d s is %d s", (median_s, threshold_s) => {
    expect(heartbeatThreshold(median_s)).toBe(threshold_s);
  });
});
