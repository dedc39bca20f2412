import { type JsonObject, type JsonValue, canonicalJson } from "./json.js";

/**
 * `metrics.json` as a table of one row: its keys in the order of `metricsDocument`, null as an empty cell,
 * booleans as `True` and `False`, lists and objects as JSON; lines end with LF, cells are quoted as RFC 4180 says.
 */
export function metricsCsv(metrics: JsonObject): string {
  const columns = Object.keys(metrics);
  const row = columns.map((column) => quote(cell(metrics[column] ?? null)));
  return `${columns.map(quote).join(",")}\n${row.join(",")}\n`;
}

function cell(value: JsonValue): string {
  if (value === null) return "";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "object") return canonicalJson(value);
  // ASCII like every artifact; a line break would still be legal in a quoted cell, so only the rest is escaped.
  return String(value).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Reads a table of one row back into its cells by column; null when it is not one. */
export function readMetricsCsv(text: string): ReadonlyMap<string, string> | null {
  const rows: string[][] = [[]];
  let at = 0;
  while (at < text.length) {
    const quoted = text[at] === '"';
    const match = quoted ? /"((?:[^"]|"")*)"(,|\r?\n|$)/y : /([^",\r\n]*)(,|\r?\n|$)/y;
    match.lastIndex = at;
    const found = match.exec(text);
    if (found === null) return null;
    rows[rows.length - 1]?.push((found[1] ?? "").replaceAll('""', '"'));
    at = match.lastIndex;
    if (found[2] !== ",") rows.push([]);
    else if (at === text.length) rows[rows.length - 1]?.push("");
  }
  const [columns, row, ...rest] = rows;
  if (columns === undefined || columns.length !== row?.length || rest.some((extra) => extra.length > 0)) return null;
  if (new Set(columns).size !== columns.length) return null;
  return new Map(columns.map((column, index) => [column, row[index] ?? ""]));
}

/** The cells a metrics document should have, by column: what `metricsCsv` writes, unquoted. */
export function metricsCells(metrics: JsonObject): ReadonlyMap<string, string> {
  return new Map(Object.entries(metrics).map(([column, value]) => [column, cell(value)]));
}
