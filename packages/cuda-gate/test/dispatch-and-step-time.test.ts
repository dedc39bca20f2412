import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_STEP_MS, STEP_WINDOW, dispatchVerdict, stepTimeVerdict, windowMedian } from "../src/index.js";

/** The next float32 above a positive one. */
function nextFloat32(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = bits[0]! + 1;
  return new Float32Array(bits.buffer)[0]!;
}

describe("the dispatch class (INV-GPUTRAIN-004)", () => {
  it.each([
    ["Cpu", "Cpu", "pass"],
    ["Cuda", "Cuda", "pass"],
    ["Cpu", "Cuda", "fail"],
    ["Cuda", "Cpu", "fail"],
    ["xpu", "xpu", "fail"],
    ["rocm", "rocm", "fail"],
    ["metal", "metal", "fail"],
    ["", "", "fail"],
    ["CPU", "CPU", "fail"],
    ["cpu", "cpu", "fail"],
    ["Cuda", "cuda", "fail"],
    [" Cpu", " Cpu", "fail"],
    ["Cpu", "", "fail"],
    ["constructor", "constructor", "fail"],
  ] as const)("%j dispatched as %j: %s", (requested, dispatched, verdict) => {
    expect(dispatchVerdict(requested, dispatched)).toBe(verdict);
  });
});

describe("the step time (INV-GPUTRAIN-005)", () => {
  it("has the budget and the window of its contract", () => {
    expect(MAX_STEP_MS).toBe(500);
    expect(STEP_WINDOW).toEqual({ first: 20, last: 49 });
  });

  it("is inclusive at the budget and fails at the next float32", () => {
    expect(stepTimeVerdict(500)).toBe("pass");
    expect(nextFloat32(500)).toBeCloseTo(500.00003, 5);
    expect(stepTimeVerdict(nextFloat32(500))).toBe("fail");
    expect(stepTimeVerdict(500.00000001)).toBe("pass");
  });

  it.each([0, -0, 1e-30, 58.12, 101.3, 499.99997])("passes for %d ms", (measured) => {
    expect(stepTimeVerdict(measured)).toBe("pass");
  });

  it.each([500.1, 501, 1000, 14 * 60_000, 1e30, 3.5e38])("fails for %d ms", (measured) => {
    expect(stepTimeVerdict(measured)).toBe("fail");
  });

  it.each([
    [NaN, 500],
    [Infinity, 500],
    [-Infinity, 500],
    [1, NaN],
    [1, Infinity],
    [1, -Infinity],
    [-1, 500],
    [-0.001, 500],
    [0, 0],
    [0, -1],
  ])("fails for %d ms against %d ms", (measured, budget) => {
    expect(stepTimeVerdict(measured, budget)).toBe("fail");
  });

  it("is monotone: what passes passes for everything faster", () => {
    const time = fc.float({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(time, time, fc.float({ min: 1, max: 1000, noNaN: true }), (a, b, budget) => {
        if (stepTimeVerdict(Math.max(a, b), budget) === "pass") {
          expect(stepTimeVerdict(Math.min(a, b), budget)).toBe("pass");
        }
      }),
    );
  });
});

describe("the median of the window", () => {
  const steps = (count: number, time = (step: number): number => step): Parameters<typeof windowMedian>[0] =>
    Array.from({ length: count }, (_, step) => ({ step, wall_ms: time(step) }));

  it("is the mean of the two in the middle of steps 20 to 49", () => {
    expect(windowMedian(steps(50))).toEqual({ status: "ok", median_ms: 34.5 });
    expect(windowMedian(steps(1000))).toEqual({ status: "ok", median_ms: 34.5 });
    expect(windowMedian(steps(50, (step) => (step < 20 ? 1e9 : 7)))).toEqual({ status: "ok", median_ms: 7 });
  });

  it("is not taken of what happens to be there", () => {
    expect(windowMedian(steps(25))).toMatchObject({ status: "unusable", code: "missing_step" });
    expect(windowMedian([])).toMatchObject({ status: "unusable", code: "missing_step" });
    expect(windowMedian(steps(50).filter(({ step }) => step !== 30))).toMatchObject({ code: "missing_step" });
    const [first, ...rest] = steps(50);
    expect(windowMedian([...rest, first!])).toMatchObject({ code: "out_of_order" });
    expect(windowMedian([first!, first!, ...rest])).toMatchObject({ code: "out_of_order" });
    expect(windowMedian(steps(50, (step) => (step === 30 ? NaN : 1)))).toMatchObject({ code: "not_a_time" });
    expect(windowMedian(steps(50, (step) => (step === 30 ? -1 : 1)))).toMatchObject({ code: "not_a_time" });
  });
});
