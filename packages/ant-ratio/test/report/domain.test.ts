import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { domainOf, suitsLog } from "../../src/report/charts/domain.js";

describe("the domain of an axis", () => {
  it("has every value well inside, and room even for a single one", () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(values, fc.boolean(), (given, log) => {
        const { scale, low, high } = domainOf(given, { log });
        const shown = scale === "log" ? given.filter((value) => value > 0) : given;
        expect(Number.isFinite(low) && Number.isFinite(high)).toBe(true);
        expect(low).toBeLessThan(high);
        for (const value of shown) expect(value >= low && value <= high).toBe(true);
      }),
    );
  });

  it("keeps a share near its limits, with half the room beyond them", () => {
    expect(domainOf([0, 1], { within: { min: 0, max: 1 } })).toEqual({ scale: "linear", low: -0.03, high: 1.03 });
  });

  it("is that of the limits where there is nothing to show", () => {
    expect(domainOf([], { within: { min: 0, max: 1 } })).toEqual({ scale: "linear", low: 0, high: 1 });
  });

  it("is logarithmic only where everything is above 0 and far apart", () => {
    expect(suitsLog([1, 100])).toBe(true);
    expect(suitsLog([1, 2])).toBe(false);
    expect(suitsLog([0, 100])).toBe(false);
    expect(suitsLog([])).toBe(false);
  });
});
