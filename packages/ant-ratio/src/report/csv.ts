/** A cell of a CSV file. */
export type CsvValue = string | number | boolean | null;

/**
 * Rows as CSV (RFC 4180, but with line feeds): a missing value is an empty cell, never 0. A text that a spreadsheet would
 * take for a formula starts with an apostrophe.
 */
export function csvText(header: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("");
}

function cell(value: CsvValue): string {
  if (value === null) return "";
  if (typeof value !== "string") return String(value);
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
