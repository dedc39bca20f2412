import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Axis,
  compareOn,
  normalQuantile,
  paretoFrontier,
  planTokenBudget,
  rankPoints,
  wilsonInterval,
} from "../src/index.js";

type Point = readonly (number | null)[];

function axes(directions: readonly ("higher" | "lower")[]): Axis<Point>[] {
  return directions.map((better, k) => ({ key: `a${k}`, better, value: (point) => point[k] ?? null }));
}

function beats(a: Point, b: Point, directions: readonly ("higher" | "lower")[]): boolean {
  const gains = directions.map((better, k) => (a[k]! - b[k]!) * (better === "higher" ? 1 : -1));
  return gains.every((gain) => gain >= 0) && gains.some((gain) => gain > 0);
}

describe("the Pareto frontier", () => {
  it("is what comparing everything with everything gives, over one to four axes, with ties and gaps", () => {
    const cases = fc.integer({ min: 1, max: 4 }).chain((width) =>
      fc.record({
        directions: fc.array(fc.constantFrom("higher" as const, "lower" as const), {
          minLength: width,
          maxLength: width,
        }),
        points: fc.array(
          fc.array(fc.option(fc.integer({ min: -3, max: 3 }), { freq: 8 }), { minLength: width, maxLength: width }),
          { maxLength: 40 },
        ),
      }),
    );
    fc.assert(
      fc.property(cases, ({ directions, points }) => {
        const { frontier, dominated, incomparable } = paretoFrontier(points as Point[], axes(directions));
        const whole = points.filter((point) => point.every((value) => value !== null));
        expect(frontier).toEqual(whole.filter((b) => !whole.some((a) => beats(a, b, directions))));
        expect(frontier.length + dominated.length + incomparable.length).toBe(points.length);
        for (const { point, by, on } of dominated) {
          expect(frontier).toContain(by);
          expect(beats(by, point, directions)).toBe(true);
          expect(on.length).toBeGreaterThan(0);
        }
        for (const { point, missing } of incomparable) {
          expect(missing).toEqual(directions.flatMap((_, k) => (point[k] === null ? [`a${k}`] : [])));
        }
      }),
    );
  });

  it("refuses no axis, and one axis twice", () => {
    expect(() => paretoFrontier([[1]], [])).toThrow("at least one");
    expect(() => paretoFrontier([[1]], [...axes(["higher"]), ...axes(["lower"])])).toThrow("no key twice");
  });
});

describe("intervals and ranks", () => {
  it("are Wilson's", () => {
    // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20.
    for (const [hits, n, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
    ] as const) {
      const interval = wilsonInterval(hits, n);
      expect(interval.low).toBeCloseTo(low, 4);
      expect(interval.high).toBeCloseTo(high, 4);
    }
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect(normalQuantile(1e-9)).toBeCloseTo(-5.9978070150076865, 10);
    for (const [hits, n] of [
      [1, 0],
      [-1, 4],
      [5, 4],
      [Number.NaN, 4],
    ] as const) {
      expect(() => wilsonInterval(hits, n)).toThrow("0 <= hits <= n");
    }
  });

  it("tell apart only what the data tell apart", () => {
    const axis: Axis<readonly [number, number]> = {
      key: "share",
      better: "higher",
      value: ([hits, n]) => (n === 0 ? null : hits / n),
      interval: ([hits, n]) => wilsonInterval(hits, n),
    };
    expect(compareOn([90, 100], [50, 100], axis)).toBe("better");
    expect(compareOn([50, 100], [90, 100], axis)).toBe("worse");
    expect(compareOn([50, 100], [55, 100], axis)).toBe("indistinguishable");
    expect(compareOn([50, 100], [0, 0], axis)).toBe("incomparable");
    const { ranked, unranked } = rankPoints(
      [
        [50, 100],
        [0, 0],
        [90, 100],
        [55, 100],
      ],
      axis,
    );
    expect(unranked).toEqual([[0, 0]]);
    expect(ranked).toEqual([
      { item: [90, 100], rank: { best: 1, worst: 1 } },
      { item: [55, 100], rank: { best: 2, worst: 3 } },
      { item: [50, 100], rank: { best: 2, worst: 3 } },
    ]);
  });

  it("of a budget are met to one per cent, or refused", () => {
    expect(planTokenBudget({ ring_tokens: 1_000_000, batch_size: 16, seq_len: 256 })).toMatchObject({
      steps: 244,
      ring_tokens: 999_424,
    });
    expect(() => planTokenBudget({ ring_tokens: 1000, batch_size: 27, seq_len: 16 })).toThrow("off the budget of 1000");
  });
});
