import { existsSync } from "node:fs";
import { relative } from "node:path";
import { isHarnessError } from "@vrx/harness";
import { type RunsAnswer, openRuns } from "@vrx/harness/runs";
import type { JsonValue } from "@vrx/objective-contract";
import { CliError } from "../frame/cli-error.js";
import { isSystemError, systemReason } from "../frame/failures.js";
import type { Output } from "../frame/output.js";
import { printable } from "../frame/printable.js";
import { figure, table } from "../frame/table.js";

/** Where runs are when nobody says where. */
const usual = ["runs", "sweeps"];

/** A text of SQL. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The answer to one query over some folders; `also` is one more place where it is there. Throws a {@link CliError}. */
export async function asked(
  sql: string,
  folders: readonly string[],
  signal: AbortSignal,
  also?: string,
): Promise<RunsAnswer> {
  const extra = also !== undefined && existsSync(also) ? [also] : [];
  const places = [...(folders.length > 0 ? folders : usual.filter((name) => existsSync(name))), ...extra];
  if (places.length === 0) {
    throw new CliError("bad_input", `expected folders to look in, since there is neither ${usual.join(" nor ")} here`);
  }
  try {
    const runs = await openRuns(places, { for_query: sql });
    try {
      return await runs.query(sql, { signal });
    } finally {
      runs.close();
    }
  } catch (error) {
    if (isSystemError(error))
      throw new CliError("bad_input", `cannot read ${error.path ?? ""}: ${systemReason(error)}`);
    if (!isHarnessError(error)) throw error;
    const code = error.code === "missing_peer" ? "bad_environment" : "bad_arguments";
    throw new CliError(code, error.message, { cause: error });
  }
}

/** An answer as a table, as CSV, or as a JSON array of objects. */
export function printAnswer(
  answer: RunsAnswer,
  { json, csv }: { readonly json: boolean; readonly csv: boolean },
  output: Output,
): void {
  if (json && csv) throw new CliError("bad_arguments", "expected --json or --csv, found both");
  const names = answer.columns.map(({ name }) => name);
  if (json) {
    output.printJson(answer.rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? null]))));
  } else if (csv) {
    output.printRaw([names, ...answer.rows].map((row) => `${row.map(field).join(",")}\r\n`).join(""));
  } else {
    const rows = answer.rows.map((row) => row.map((value, i) => cell(value, names[i])));
    table([names.map(printable), ...rows]).forEach((line) => output.print(line));
  }
}

/** Rows one below the other, a line for each value that is there. */
export function printRecords({ columns, rows }: RunsAnswer, output: Output): void {
  for (const [index, row] of rows.entries()) {
    if (index > 0) output.print("");
    const known = columns.map(({ name }, i) => [name, row[i] ?? null] as const).filter(([, value]) => value !== null);
    table(known.map(([name, value]) => [name, cell(value, name)])).forEach((line) => output.print(line));
  }
}

/** A value for people: places as they are seen from here. */
function cell(value: JsonValue, name: string | undefined): string {
  if (typeof value === "string") {
    const isPlace = name === "dir" || name === "place" || name === "file";
    const near = isPlace ? relative(".", value) : value;
    return printable((near === "" || near.startsWith("..") ? value : near).replaceAll(/[\t\n]/g, " "));
  }
  if (typeof value === "number" || value === null) return figure(value);
  return printable(JSON.stringify(value));
}

/** A field of RFC 4180. */
function field(value: JsonValue): string {
  if (value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
