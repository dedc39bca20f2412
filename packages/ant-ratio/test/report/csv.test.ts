import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvText } from "../../src/report/csv.js";

describe("CSV", () => {
  it("leaves a missing value empty and keeps 0", () => {
    expect(csvText(["a", "b", "c"], [[null, 0, false]])).toBe("a,b,c\n,0,false\n");
  });

  it("gives a spreadsheet no formula", () => {
    expect(csvText(["a"], [["=1+1"], ["@x"], ["-a"]])).toBe("a\n'=1+1\n'@x\n'-a\n");
    expect(csvText(["a"], [[-1]])).toBe("a\n-1\n");
  });

  it("can be read back, whatever a text holds", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1 }), (texts) => {
        const [, row = []] = read(
          csvText(
            texts.map(() => "h"),
            [texts],
          ),
        );
        expect(row).toEqual(texts.map((text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)));
      }),
    );
  });
});

/** A reader of RFC 4180, written for this test alone. */
function read(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length; at++) {
    let cell = "";
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        cell += text.charAt(at);
        if (text[at] === '"') at++;
      }
      at++;
    } else for (; text[at] !== "," && text[at] !== "\n"; at++) cell += text.charAt(at);
    row.push(cell);
    if (text[at] === "\n") {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}
