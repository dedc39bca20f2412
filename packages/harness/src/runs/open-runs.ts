import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import type { JsonValue } from "@vrx/objective-contract";
import { HarnessError } from "../errors.js";
import { whyNoQuery } from "./check-query.js";
import { duckDb } from "./duckdb.js";
import { findArtifacts } from "./find-artifacts.js";
import { createTable, runsTables } from "./tables.js";

/** What a query gave: the columns in order, and rows of as many values. Whole numbers beyond 2^53 are texts. */
export interface RunsAnswer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly JsonValue[])[];
}

/** Artifacts of runs, sweeps and packets as the tables `runs`, `samples`, `packets`, `reports` and `trials`. */
export interface RunsDatabase {
  /**
   * Answers one SELECT. Throws `invalid_argument` for anything else, and with DuckDB's own words for what it cannot
   * answer; the signal's reason when it is aborted.
   */
  query(sql: string, options?: { readonly signal?: AbortSignal }): Promise<RunsAnswer>;
  close(): void;
}

export interface OpenRunsOptions {
  /** The query that will be asked: `samples`, which may be large, is read only where it names them. All unless given. */
  readonly for_query?: string;
}

/**
 * Reads what lies below these folders (files of packets may be named themselves) into DuckDB, which then may read and
 * write no file any more, load no extension and change no setting. Throws `missing_peer` where @duckdb/node-api is not
 * installed; rejects with the system's error where a place is not there.
 */
export async function openRuns(places: readonly string[], options: OpenRunsOptions = {}): Promise<RunsDatabase> {
  const { DuckDBInstance } = await duckDb();
  const found = await findArtifacts(places);
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
  });
  const connection = await instance.connect();
  const { for_query } = options;
  for (const table of runsTables(found)) {
    const wanted = table.name !== "samples" || for_query === undefined || /samples/i.test(for_query);
    if (wanted) await connection.run(createTable(table));
  }
  await connection.run("SET enable_external_access = false");
  await connection.run("SET lock_configuration = true");
  return {
    async query(sql, { signal } = {}) {
      signal?.throwIfAborted();
      const why = await whyRefused(connection, sql);
      if (why !== null) throw new HarnessError("invalid_argument", `query: ${why}`);
      const stop = (): void => connection.interrupt();
      signal?.addEventListener("abort", stop, { once: true });
      try {
        return await answer(connection, sql);
      } catch (error) {
        signal?.throwIfAborted();
        const said = error instanceof Error ? error.message : String(error);
        throw new HarnessError("invalid_argument", `query: ${said}`, { cause: error });
      } finally {
        signal?.removeEventListener("abort", stop);
      }
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function whyRefused(connection: DuckDBConnection, sql: string): Promise<string | null> {
  const reader = await connection.runAndReadAll("SELECT json_serialize_sql($1::VARCHAR) AS tree", [sql]);
  const [[tree] = []] = reader.getRowsJson();
  return typeof tree === "string" ? whyNoQuery(JSON.parse(tree)) : "DuckDB did not parse it";
}

async function answer(connection: DuckDBConnection, sql: string): Promise<RunsAnswer> {
  const reader = await connection.runAndReadAll(sql);
  const names = reader.columnNames();
  const types = reader.columnTypes();
  const json = reader.getRowsJson();
  const values = reader.getRows();
  return {
    columns: names.map((name, i) => ({ name, type: typeOf(types[i]) })),
    rows: json.map((row, r) => row.map((text, c) => valueOf(text as JsonValue, values[r]?.[c], typeOf(types[c])))),
  };
}

function typeOf(type: DuckDBType | undefined): string {
  return type === undefined ? "" : (type.alias ?? type.toString());
}

/** JSON columns as what they say, and whole numbers as numbers where a number can carry them. */
function valueOf(json: JsonValue, value: DuckDBValue | undefined, type: string): JsonValue {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (type !== "JSON" || typeof json !== "string") return json;
  try {
    return JSON.parse(json) as JsonValue;
  } catch {
    return json;
  }
}
