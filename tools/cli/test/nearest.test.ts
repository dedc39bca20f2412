import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "../src/frame/nearest.js";

describe("the nearest word", () => {
  it("undoes one slip of the fingers", () => {
    const words = ["workload", "completion", "check"];
    for (const slip of ["workloda", "worklod", "workkload", "warkload", "WORKLOAD"])
      expect(nearest(slip, words)).toBe("workload");
  });

  it("is none when nothing is near", () => {
    expect(nearest("elephant", ["workload", "check"])).toBeUndefined();
    expect(nearest("x", ["ab", "check"])).toBeUndefined();
    expect(nearest("", [])).toBeUndefined();
  });

  it("is the first of the closest", () => {
    expect(nearest("cat", ["car", "cap"])).toBe("car");
    expect(nearest("cats", ["carts", "cat", "cats!"])).toBe("carts");
    expect(nearest("cat", ["cart", "cat"])).toBe("cat");
  });

  it("is a word itself when it is among the candidates", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 1 }),
        (words) => nearest(words[0]!, words)?.toLowerCase() === words[0]!.toLowerCase(),
      ),
    );
  });
});
