import { escapeLatex } from "@vrx/ant-ratio/report";

/** A cell: numbers as they are, null for what was not measured. */
export type Cell = string | number | boolean | null;

/** Rows as CSV (RFC 4180), with a header; null is empty. `digits` rounds fractions, where the columns say so. */
export function csv(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, unknown>>[],
  digits?: number,
): string {
  const cell = (value: unknown): string => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number")
      return digits === undefined || Number.isInteger(value) ? String(value) : value.toFixed(digits);
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((cells) => `${cells.map(cell).join(",")}\n`)
    .join("");
}

/** A table for LaTeX that needs no package; `caption` and cells are plain text. */
export function latexTable(options: {
  readonly caption: string;
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}): string {
  const { columns, rows } = options;
  const line = (cells: readonly Cell[]): string =>
    `${cells.map((cell) => (cell === null ? "--" : escapeLatex(typeof cell === "number" ? figure(cell) : String(cell)))).join(" & ")} \\\\`;
  return [
    "\\begin{table}[htbp]",
    "\\centering",
    `\\caption{${escapeLatex(options.caption)}}`,
    `\\label{tab:${options.label.replace(/[^\w-]/g, "-")}}`,
    `\\begin{tabular}{l${"r".repeat(Math.max(0, columns.length - 1))}}`,
    "\\hline",
    line(columns),
    "\\hline",
    ...rows.map(line),
    "\\hline",
    "\\end{tabular}",
    "\\end{table}",
    "",
  ].join("\n");
}

/** A number with four significant digits, or as a whole. */
export function figure(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
