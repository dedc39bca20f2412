import { standingOf } from "./charts/scatter-data.js";
import { NO_FIGURE, formatFigure } from "./format-figure.js";
import type { ReportModel } from "./report-model.js";

/**
 * The points of a report as a LaTeX `tabular` that needs no package: one row each, with the axes of the frontier, speed
 * and memory. A figure that is not there is a dash.
 */
export function latexTable(model: ReportModel): string {
  const keys = [...new Set([model.x, model.y, model.speed, model.memory])];
  const axes = keys.flatMap((key) => model.axes.find((axis) => axis.key === key) ?? []);
  const head = [
    "point",
    "standing",
    ...axes.map(({ label, unit, share }) => (share || unit === null ? label : `${label} (${unit})`)),
  ];
  const rows = model.points.map((point) => [
    point.name,
    standingOf(point),
    ...axes.map((axis) => formatFigure(point.figures[axis.key], axis)),
  ]);
  const line = (cells: readonly string[]): string => `${cells.map((cell) => escapeLatex(cell)).join(" & ")} \\\\`;
  return [
    `% ${model.points.length} points; intervals are 95 %`,
    `\\begin{tabular}{ll${"r".repeat(axes.length)}}`,
    "\\hline",
    line(head),
    "\\hline",
    ...rows.map(line),
    "\\hline",
    "\\end{tabular}",
    "",
  ].join("\n");
}

const commands: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  $: "\\$",
  "&": "\\&",
  "#": "\\#",
  "%": "\\%",
  _: "\\_",
  "^": "\\textasciicircum{}",
  "~": "\\textasciitilde{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "''{}",
  // After the end of a row these would be taken for its arguments.
  "[": "{[}",
  "*": "{*}",
  "'": "'{}",
  "`": "`{}",
  "-": "-{}",
  [NO_FIGURE]: "--",
};

/**
 * Text for LaTeX: every character stands for itself. What the fonts of a plain document lack is spelled out as
 * `[U+2028]`, and white space is a space.
 */
export function escapeLatex(text: string): string {
  return Array.from(text.replace(/\s+/g, " "))
    .map((character) => {
      const command = commands[character];
      if (command !== undefined) return command;
      if (/^[ -~\u00c0-\u00cf\u00d1-\u00d6\u00d8-\u00dd\u00df-\u00ef\u00f1-\u00f6\u00f8-\u00fd\u00ff]$/.test(character))
        return character;
      return `{[}U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`;
    })
    .join("");
}
