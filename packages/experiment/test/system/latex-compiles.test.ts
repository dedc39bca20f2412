import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { lowerManifest, parseManifest } from "@vrx/manifest";
import { afterAll, describe, expect, it } from "vitest";
import { latexTable } from "../../src/benchmark/tables.js";
import { writePaper } from "../../src/paper/write-paper.js";
import { runTarget } from "../../src/run/run-target.js";
import { smallExperiment } from "../support/experiments.js";

const found = spawnSync("pdflatex", ["--version"]).status === 0;
if (!found) console.log("skipped: no pdflatex on the PATH");

const root = mkdtempSync(join(tmpdir(), "vrx-latex-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function compile(file: string): void {
  const cwd = dirname(file);
  const { status } = spawnSync("pdflatex", ["-halt-on-error", "-interaction=nonstopmode", basename(file)], { cwd });
  const log = readFileSync(file.replace(/\.tex$/, ".log"), "utf8");
  expect({ status, errors: log.match(/^!.*$/gm) }).toEqual({ status: 0, errors: null });
  expect(existsSync(file.replace(/\.tex$/, ".pdf"))).toBe(true);
}

const inDocument = (body: string): string => `\\documentclass{article}\n\\begin{document}\n${body}\\end{document}\n`;

describe.skipIf(!found)("LaTeX from experiments compiles", () => {
  it("tables, whatever the names", () => {
    const names = ["50% of a_b & $x$ #1 {~^\\}", "[bracket]", `"quotes" 'and' \`ticks\``, "é ñ ß 漢", "<a> | --"];
    const rows = names.map((name, i) => [name, i, 1 / (i + 1), null]);
    const table = latexTable({
      caption: names.join(" "),
      label: names[0]!,
      columns: ["model", ...names.slice(0, 3)],
      rows,
    });
    const file = join(root, "t.tex");
    writeFileSync(file, inDocument(table));
    compile(file);
  });

  it("a target's tables.tex, and the paper about it with its figures", async () => {
    const { manifest, target } = smallExperiment({
      name: "a_b & c",
      steps: 2,
      verify: { type: "fidelity", batches: 1, max_delta_nll: 1 },
      benchmarks: [
        { id: "p_1", config: { type: "perplexity", dataset: "data/t.npy", block_size: 16 }, models: ["student"] },
        {
          id: "m",
          config: { type: "memory", sequence_lengths: [16, 32], batch_sizes: [1], measure_peak: false },
          models: ["student"],
        },
      ],
    });
    const { dir } = await runTarget(manifest, target, { root });
    writeFileSync(join(root, "tables.tex"), inDocument(readFileSync(join(dir, "tables.tex"), "utf8")));
    compile(join(root, "tables.tex"));
    const process = { type: "process", name: "p", team: { w: "x" }, process: { type: "paper_write", writer: "w" } };
    const [paper] = lowerManifest(
      parseManifest(JSON.stringify({ version: 2, defaults: {}, targets: [process] })),
    ).targets;
    if (paper?.type !== "process") throw new Error("no process");
    const written = await writePaper(manifest, paper, { root });
    compile(join(written.dir, "paper.tex"));
  });
});
