import type * as DuckDb from "@duckdb/node-api";
import { HarnessError } from "../errors.js";

/** Imports DuckDB, which is an optional peer; throws `missing_peer` that says what to install. */
export async function duckDb(
  load: () => Promise<typeof DuckDb> = () => import("@duckdb/node-api"),
): Promise<typeof DuckDb> {
  try {
    return await load();
  } catch (error) {
    throw new HarnessError(
      "missing_peer",
      "queries over runs need the package @duckdb/node-api, found none: npm install @duckdb/node-api@1.5.6-r.1",
      { cause: error },
    );
  }
}
