import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeLatex, latexTable } from "../../src/report/latex-table.js";
import { sampleModel, samplePoint } from "./sample-model.js";

describe("a LaTeX table", () => {
  it("escapes what LaTeX would take for a command", () => {
    expect(escapeLatex("50% of a_b & $x$ #1 {~^\\}")).toBe(
      "50\\% of a\\_b \\& \\$x\\$ \\#1 \\{\\textasciitilde{}\\textasciicircum{}\\textbackslash{}\\}",
    );
  });

  it("spells out what a plain document has no letters for, and keeps a row in one line", () => {
    expect(escapeLatex("é\u2028\u202e\n漢")).toBe("é {[}U+202E] {[}U+6F22]");
  });

  it("has balanced braces, no bare special characters and only letters LaTeX has, whatever the name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const escaped = escapeLatex(text);
        const bare = escaped.replace(/\\[a-z]+\{\}|\\[{}$&#%_]/g, "");
        expect(bare).not.toMatch(/[\\$&#%_^~<>|"]/);
        expect(escaped).toMatch(/^[ -~\u00c0-\u00ff]*$/);
        let depth = 0;
        for (const character of bare) {
          if (character === "{") depth++;
          if (character === "}") depth--;
          expect(depth).toBeGreaterThanOrEqual(0);
        }
        expect(depth).toBe(0);
      }),
    );
  });

  it("has as many cells in each row as the column specification, and a dash for a missing figure", () => {
    const table = latexTable(
      sampleModel([samplePoint(0, { throughput: 12_345 }, { name: "* [a] & b" }), samplePoint(1, { accuracy: 0.5 })]),
    );
    const columns = /\\begin\{tabular\}\{(l+r+)\}/.exec(table)?.[1]?.length;
    const rows = table.split("\n").filter((line) => line.endsWith("\\\\"));
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(row.replaceAll("\\&", "").split("&")).toHaveLength(columns ?? 0);
    expect(rows[1]).toBe("{*} {[}a] \\& b & rankable & 12.35k & -- & -- \\\\");
    expect(rows[2]).toContain("50\\%");
  });
});
