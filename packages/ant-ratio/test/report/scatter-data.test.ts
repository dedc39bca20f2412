import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scatterData } from "../../src/report/charts/scatter-data.js";
import { sampleModel, samplePoint } from "./sample-model.js";

const chart = { x: "throughput", y: "accuracy", frontier: true } as const;

describe("the points of a chart", () => {
  it("draws no point without a value, and says why it is not there", () => {
    const data = scatterData(sampleModel([samplePoint(0, { throughput: 1 }), samplePoint(1, {})]), chart);
    expect(data.rows).toEqual([]);
    expect(data.missing.map(({ id, reasons }) => [id, reasons])).toEqual([
      [0, ["Accuracy: nobody measured the accuracy"]],
      [1, ["Throughput: nobody measured the throughput", "Accuracy: nobody measured the accuracy"]],
    ]);
  });

  it("lets only rankable points onto the frontier, and keeps the others on the chart", () => {
    const points = [
      samplePoint(0, { throughput: 1, accuracy: 0.5 }),
      samplePoint(1, { throughput: 9, accuracy: 0.9 }, { rankable: false, unrankable_reasons: ["one seed"] }),
      samplePoint(2, { throughput: 9, accuracy: 0.9 }, { verdict: "fail", rankable: false }),
    ];
    const { rows, line } = scatterData(sampleModel(points), chart);
    expect(rows.map(({ id, standing, on_frontier }) => [id, standing, on_frontier])).toEqual([
      [2, "FAIL", false],
      [1, "PASS, not rankable", false],
      [0, "rankable", true],
    ]);
    expect(line).toEqual([{ x: 1, y: 0.5 }]);
  });

  it("says by which point another is dominated and on which axes", () => {
    const points = [
      samplePoint(0, { throughput: 5, accuracy: 0.5 }),
      samplePoint(1, { throughput: 5, accuracy: 0.4 }),
      samplePoint(2, { throughput: 4, accuracy: 0.4 }),
    ];
    const { dominated } = scatterData(sampleModel(points), chart);
    expect([...dominated].map(([id, { by, better_on }]) => [id, by, better_on.map(({ key }) => key)])).toEqual([
      [1, 0, ["accuracy"]],
      [2, 0, ["throughput", "accuracy"]],
    ]);
  });

  it("keeps every point exactly once, and each is on the frontier or dominated by a point of it", () => {
    const value = fc.option(fc.double({ min: 0.1, max: 1, noNaN: true }));
    const point = fc.record({ throughput: value, accuracy: value, rankable: fc.boolean() });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 30 }), (given) => {
        const points = given.map(({ throughput, accuracy, rankable }, id) =>
          samplePoint(
            id,
            { ...(throughput === null ? {} : { throughput }), ...(accuracy === null ? {} : { accuracy }) },
            { rankable },
          ),
        );
        const { rows, missing, dominated } = scatterData(sampleModel(points), chart);
        const ids = [...rows, ...missing].map(({ id }) => id);
        expect(ids.sort((a, b) => a - b)).toEqual(points.map(({ id }) => id));
        const best = new Set(rows.filter(({ on_frontier }) => on_frontier).map(({ id }) => id));
        for (const row of rows.filter(({ standing }) => standing === "rankable")) {
          expect(best.has(row.id)).not.toBe(dominated.has(row.id));
        }
        for (const { by } of dominated.values()) expect(best).toContain(by);
      }),
    );
  });

  it("follows the direction of each axis", () => {
    const points = [
      samplePoint(0, { memory: 0.2, throughput: 10 }),
      samplePoint(1, { memory: 0.6, throughput: 30 }),
      samplePoint(2, { memory: 0.7, throughput: 20 }),
    ];
    const { rows, line } = scatterData(sampleModel(points), { x: "memory", y: "throughput", frontier: true });
    expect(rows.filter(({ on_frontier }) => on_frontier).map(({ id }) => id)).toEqual([0, 1]);
    // Less memory is better: between the two, the speed of the smaller one is what can be had.
    expect(line).toEqual([
      { x: 0.2, y: 10 },
      { x: 0.6, y: 10 },
      { x: 0.6, y: 30 },
    ]);
  });

  it("refuses an axis the report does not have, naming those it has", () => {
    expect(() => scatterData(sampleModel([]), { ...chart, x: "speed" })).toThrow(/throughput, memory.*found speed/);
  });
});
