import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { latexTable } from "../../src/report/latex-table.js";
import { sampleModel, samplePoint } from "../report/sample-model.js";

const found = spawnSync("pdflatex", ["--version"]).status === 0;
if (!found) console.log("skipped: no pdflatex on the PATH");

describe.skipIf(!found)("the LaTeX table", () => {
  it("compiles in a plain document, whatever the names", () => {
    const names = [
      "50% of a_b & $x$ #1 {~^\\}",
      "* star",
      "[bracket]",
      `"quotes" 'and' \`ticks\``,
      "é ñ ß 漢 \u202e",
      "<a> | --",
    ];
    const table = latexTable(sampleModel(names.map((name, id) => samplePoint(id, { throughput: id + 1 }, { name }))));
    const dir = mkdtempSync(join(tmpdir(), "vrx-latex-"));
    try {
      writeFileSync(join(dir, "t.tex"), `\\documentclass{article}\n\\begin{document}\n${table}\\end{document}\n`);
      const { status } = spawnSync("pdflatex", ["-halt-on-error", "-interaction=nonstopmode", "t.tex"], { cwd: dir });
      const log = readFileSync(join(dir, "t.log"), "utf8");
      expect({ status, errors: log.match(/^!.*$/gm) }).toEqual({ status: 0, errors: null });
      expect(existsSync(join(dir, "t.pdf"))).toBe(true);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
