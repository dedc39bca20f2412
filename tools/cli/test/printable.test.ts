import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printable, quoteName } from "../src/frame/printable.js";

describe("printable text", () => {
  it("spells out what a terminal would obey", () => {
    expect(printable("a\u001b[2Jb\u0007\u009b\u202e")).toBe("a\\x1b[2Jb\\x07\\x9b\\u202e");
    expect(printable("tab\tline\nß 漢 🎈")).toBe("tab\tline\nß 漢 🎈");
  });

  it("has no control character but tabs and line feeds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        // eslint-disable-next-line no-control-regex -- that is what must not be there
        expect(printable(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
    );
  });
});

describe("a name in a line of output", () => {
  it("stays as it is when it can", () => {
    for (const name of ["spec.json", "a b", "ünïcödé", "a\\b", "-"]) expect(quoteName(name)).toBe(name);
  });

  it("never breaks its line, and can be read back when it was quoted", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.constantFrom("", "\t", "\n", '"', "\u001b"), (name, odd) => {
        const quoted = quoteName(odd + name);
        expect(quoted).not.toMatch(/[\t\n\r]/);
        if (odd !== "" && odd !== "\u001b") expect(JSON.parse(quoted)).toBe(odd + name);
      }),
    );
  });
});
