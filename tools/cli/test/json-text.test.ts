import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonText } from "../src/frame/json-text.js";

describe("JSON text", () => {
  it("is what JSON.stringify prints, for everything that is JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonText(value)).toBe(JSON.stringify(value, null, 2));
      }),
    );
  });

  it("has every digit of a bigint, wherever it stands", () => {
    fc.assert(
      fc.property(fc.bigInt(), (value) => {
        expect(jsonText({ a: [value] })).toBe(`{\n  "a": [\n    ${value}\n  ]\n}`);
      }),
    );
  });

  it("leaves out what is undefined, and knows no infinity", () => {
    expect(jsonText({ a: undefined, b: [undefined, Number.NaN, -Infinity] })).toBe(
      JSON.stringify({ b: [null, null, null] }, null, 2),
    );
    expect(jsonText(undefined)).toBe("null");
    expect(jsonText({ at: new Date(0) })).toContain('"1970-01-01T00:00:00.000Z"');
  });
});
