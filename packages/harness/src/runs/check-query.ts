/** Functions that give rows without reading or changing anything. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  "generate_series",
  "json_each",
  "json_tree",
  "range",
  "repeat",
  "repeat_row",
  "unnest",
  "duckdb_columns",
  "duckdb_functions",
  "duckdb_tables",
  "duckdb_types",
]);

/** Functions of an expression that do more than compute. */
const FORBIDDEN: ReadonlySet<string> = new Set(["write_log", "nextval", "currval", "setseed", "getvariable"]);

/**
 * Why a query is not only a SELECT over tables, or null where it is. `serialized` is what DuckDB's own parser makes of it
 * (`json_serialize_sql`), which knows SELECT statements only. DuckDB has functions that change its state or write files
 * and are called in a FROM (`enable_logging`, `query`); so those that may be called there are listed.
 */
export function whyNoQuery(serialized: unknown): string | null {
  if (!isObject(serialized)) return "DuckDB did not parse it";
  const { error, error_message: message, statements } = serialized;
  if (error === true) {
    const text = typeof message === "string" ? message : "it is no SQL";
    return text.startsWith("Only SELECT") ? "expected a SELECT, found another statement" : text;
  }
  if (!Array.isArray(statements) || statements.length !== 1) {
    return `expected one SELECT, found ${Array.isArray(statements) ? statements.length : 0} statements`;
  }
  return forbiddenIn(statements[0]);
}

function forbiddenIn(node: unknown): string | null {
  const left: { readonly value: unknown; readonly isTable: boolean }[] = [{ value: node, isTable: false }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { value, isTable } = next;
    if (Array.isArray(value)) {
      for (const one of value as unknown[]) left.push({ value: one, isTable: false });
      continue;
    }
    if (!isObject(value)) continue;
    const { function_name: name } = value;
    if (typeof name === "string") {
      const called = name.toLowerCase();
      if (isTable && !TABLE_FUNCTIONS.has(called)) return `expected tables and ${list()} after FROM, found ${name}()`;
      if (FORBIDDEN.has(called)) return `expected functions that compute, found ${name}()`;
    }
    // The function of a FROM, whose arguments may have queries of their own.
    for (const [key, one] of Object.entries(value)) {
      left.push({ value: one, isTable: value["type"] === "TABLE_FUNCTION" && key === "function" });
    }
  }
  return null;
}

function list(): string {
  return `${[...TABLE_FUNCTIONS].slice(0, 4).join(", ")}...`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
