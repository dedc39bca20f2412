import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MAX_SEED_LOSS_DELTA,
  STUDY_BOUNDS,
  lossDeltaVerdict,
  lossTrajectoryVerdict,
  reproducibilityStudy,
  studyVerdict,
} from "../src/index.js";

function nextFloat32(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = bits[0]! + 1;
  return new Float32Array(bits.buffer)[0]!;
}

describe("the difference of two losses (INV-GPUTRAIN-006)", () => {
  it("is at most 1e-5, inclusive, in float32", () => {
    expect(MAX_SEED_LOSS_DELTA).toBe(1e-5);
    expect(lossDeltaVerdict(1e-5)).toBe("pass");
    expect(lossDeltaVerdict(nextFloat32(1e-5))).toBe("fail");
    expect(lossDeltaVerdict(0)).toBe("pass");
    expect(lossDeltaVerdict(0, 0)).toBe("pass");
  });

  it.each([
    [-1e-6, 1e-5],
    [NaN, 1e-5],
    [Infinity, 1e-5],
    [0, NaN],
    [0, Infinity],
    [0, -1],
    [1e-3, 1e-5],
  ])("fails for %d within %d", (delta, tolerance) => {
    expect(lossDeltaVerdict(delta, tolerance)).toBe("fail");
  });
});

describe("two trajectories of one seed", () => {
  it("pass when they are the same, and when they are within the tolerance everywhere", () => {
    expect(lossTrajectoryVerdict([3, 2, 1], [3, 2, 1])).toBe("pass");
    expect(lossTrajectoryVerdict([0.5, 0.25], [0.5 + 5e-6, 0.25 - 5e-6])).toBe("pass");
    expect(lossTrajectoryVerdict(Float32Array.of(1, 2), [1, 2], 0)).toBe("pass");
  });

  it.each([
    ["empty", [], [], 1e-5],
    ["of different lengths", [1], [1, 1], 1e-5],
    ["apart at one step", [3, 2, 1], [3, 2.001, 1], 1e-5],
    ["apart at the last step", [3, 2, 1], [3, 2, 1.1], 1e-5],
    ["with a NaN in both", [NaN], [NaN], 1e-5],
    ["with an infinity in both", [Infinity], [Infinity], 1e-5],
    ["under a negative tolerance", [1], [1], -1e-5],
    ["under an infinite tolerance", [1], [1], Infinity],
    ["under no tolerance", [1], [1], NaN],
  ])("fail when they are %s", (_, a, b, tolerance) => {
    expect(lossTrajectoryVerdict(a, b, tolerance)).toBe("fail");
  });

  it("are judged alike either way round", () => {
    const losses = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 });
    fc.assert(
      fc.property(losses, losses, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, tolerance) => {
        expect(lossTrajectoryVerdict(a, b, tolerance)).toBe(lossTrajectoryVerdict(b, a, tolerance));
      }),
    );
  });
});

describe("the study of repeated runs", () => {
  const identical = { per_step_drift_max: 0, random_walk_epsilon: 0, cosine_sim_worst: 1, final_loss_range: 0 };
  const observed = {
    per_step_drift_max: 9.2e-4,
    random_walk_epsilon: 2.74e-4,
    cosine_sim_worst: 0.9999999997,
    final_loss_range: 1.341e-3,
  };

  it("has the bounds of its contract, inclusive", () => {
    expect(STUDY_BOUNDS).toEqual({
      per_step_drift_max: 1e-3,
      random_walk_epsilon: 3e-4,
      cosine_sim_worst: 0.99999999,
      final_loss_range: 2e-3,
    });
    expect(studyVerdict(STUDY_BOUNDS)).toBe("pass");
    expect(studyVerdict(identical)).toBe("pass");
    expect(studyVerdict(observed)).toBe("pass");
  });

  it.each([
    ["per_step_drift_max", 1e-3 + 1e-9],
    ["random_walk_epsilon", 3e-4 + 1e-9],
    ["cosine_sim_worst", 0.99999999 - 1e-12],
    ["cosine_sim_worst", 0],
    ["cosine_sim_worst", -1],
    ["cosine_sim_worst", 1.0002],
    ["final_loss_range", 2e-3 + 1e-9],
    ["per_step_drift_max", -1e-9],
    ["random_walk_epsilon", -1e-9],
    ["final_loss_range", -1e-9],
  ] as const)("fails for %s of %d", (key, value) => {
    expect(studyVerdict({ ...observed, [key]: value })).toBe("fail");
  });

  it("fails for a figure that is no finite number", () => {
    for (const key of Object.keys(observed))
      for (const value of [NaN, Infinity, -Infinity]) expect(studyVerdict({ ...observed, [key]: value })).toBe("fail");
  });

  it("forgives a cosine what rounding makes of it", () => {
    expect(studyVerdict({ ...observed, cosine_sim_worst: 1 + 1e-7 })).toBe("pass");
  });

  it("sees in float64 what float32 cannot: there the bound on the cosine is exactly 1", () => {
    expect(Math.fround(STUDY_BOUNDS.cosine_sim_worst)).toBe(1);
    expect(Math.fround(0.99999998)).toBe(1);
    expect(studyVerdict({ ...observed, cosine_sim_worst: 0.99999998 })).toBe("fail");
  });

  it("is computed from the runs", () => {
    const study = reproducibilityStudy([
      { losses: [4, 2], final_loss: 1 },
      { losses: [4, 2.5], final_loss: 1.5 },
      { losses: [3.5, 2], final_loss: 0.75 },
    ]);
    expect(study.per_step_drift_max).toBe(0.5);
    expect(study.random_walk_epsilon).toBe(0.5);
    expect(study.final_loss_range).toBe(0.75);
    expect(study.cosine_sim_worst).toBeCloseTo(21 / Math.sqrt(20 * 22.25), 12);
    const late = reproducibilityStudy([
      { losses: [1, 1, 1, 1], final_loss: 1 },
      { losses: [1, 1, 1, 2], final_loss: 1 },
    ]);
    expect(late.random_walk_epsilon).toBe(0.5);
  });

  it("is nothing that passes with runs that cannot be compared", () => {
    const run = { losses: [1, 2], final_loss: 1 };
    for (const runs of [[], [run], [run, { losses: [1], final_loss: 1 }], [{ losses: [], final_loss: 1 }]]) {
      expect(studyVerdict(reproducibilityStudy(runs))).toBe("fail");
    }
    expect(studyVerdict(reproducibilityStudy([run, { losses: [1, NaN], final_loss: 1 }]))).toBe("fail");
    expect(studyVerdict(reproducibilityStudy([run, run]))).toBe("pass");
  });

  it("takes runs of a million steps", () => {
    const losses = new Float32Array(1_000_000).fill(2);
    expect(
      studyVerdict(
        reproducibilityStudy([
          { losses, final_loss: 1 },
          { losses, final_loss: 1 },
        ]),
      ),
    ).toBe("pass");
  });
});
