import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpuDevice, defineWorkload, probe } from "../src/index.js";
import { type RunsDatabase, openRuns } from "../src/runs/index.js";
import { duckDb } from "../src/runs/duckdb.js";
import { fp64Spec } from "./python-child.js";
import { temporaryFolder } from "./temporary-folder.js";

const quick = defineWorkload({
  name: "quick",
  describe: () => ({ device: cpuDevice }),
  prepare: () => ({
    facts: () => ({ executed: { precision: "fp64", amp: false } }),
    async *steps() {
      for (let time_s = 0.001; ;) {
        await Promise.resolve();
        yield { loss: 1, time_s };
      }
    },
  }),
});

let folder: string;
let runs: RunsDatabase;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "vrx-runs-"));
  for (const name of ["a", "it's [b]*"]) {
    await probe(quick, fp64Spec, { out: join(folder, name), warmup_steps: 1, measure_steps: 20, seed: 2 ** 53 - 1 });
  }
  mkdirSync(join(folder, "torn"));
  writeFileSync(join(folder, "torn/metrics.json"), '{"verdict": "pa');
  writeFileSync(join(folder, "torn/env.json"), Uint8Array.of(0xff, 0xfe, 0x00));
  writeFileSync(join(folder, "torn/samples.jsonl"), '{"phase":"warmup","step":0,"time_s":1}\n{"phase":"meas');
  writeFileSync(
    join(folder, "packets.jsonl"),
    '{"workload_id":"wl_v1_a","throughput_tokens_per_s":1e999,"ant_ring_len":7}\n[1]\nnot json\n',
  );
  runs = await openRuns([folder]);
});
afterAll(() => {
  runs.close();
  rmSync(folder, { recursive: true, force: true });
});

const rows = async (sql: string): Promise<readonly (readonly unknown[])[]> => (await runs.query(sql)).rows;

describe("queries over runs", () => {
  it("answer with figures of runs, also of those in folders with odd names", async () => {
    expect(
      await rows("SELECT regexp_extract(dir, '[^/]+$'), verdict, measure_steps, seed FROM runs ORDER BY dir"),
    ).toEqual([
      ["a", "pass", 20, "9007199254740991"],
      ["it's [b]*", "pass", 20, "9007199254740991"],
      ["torn", null, null, null],
    ]);
    expect(await rows("SELECT count(*) FROM samples WHERE phase = 'measure'")).toEqual([[40]]);
    expect(await rows("SELECT metrics->>'$.had_nan' FROM runs WHERE verdict = 'pass' LIMIT 1")).toEqual([["false"]]);
    const [[json]] = (await rows("SELECT fail_reasons FROM runs WHERE verdict = 'pass' LIMIT 1")) as [[unknown]];
    expect(json).toEqual([]);
  });

  it("leave out lines that are none, and keep whole numbers whole", async () => {
    expect(await rows("SELECT step, time_s FROM samples WHERE dir LIKE '%torn'")).toEqual([[0, 1]]);
    expect(await rows("SELECT workload_id, ant_ring_len FROM packets WHERE workload_id IS NOT NULL")).toEqual([
      ["wl_v1_a", 7],
    ]);
    expect(await rows("SELECT 9007199254740993, 18446744073709551616::HUGEINT")).toEqual([
      ["9007199254740993", "18446744073709551616"],
    ]);
  });

  it("are answered over nothing, too", async () => {
    const empty = await openRuns([temporaryFolder()]);
    for (const table of ["runs", "samples", "packets", "reports", "trials"]) {
      const { columns, rows: none } = await empty.query(`SELECT * FROM ${table}`);
      expect(columns.length).toBeGreaterThan(5);
      expect(none).toEqual([]);
    }
    empty.close();
  });

  it.each([
    "SELECT 1",
    "WITH a AS (SELECT verdict FROM runs) SELECT count(*) FROM a",
    "FROM runs LIMIT 1",
    "VALUES (1)",
    "DESCRIBE runs",
    "SHOW TABLES",
    "SUMMARIZE runs",
    "SELECT * FROM range(3), unnest([1, 2])",
    "SELECT verdict, count(*), median(median_step_time_s) FROM runs GROUP BY ALL",
    "SELECT 1 -- ; DROP TABLE runs",
    "SELECT x.key FROM runs, json_each(metrics) x LIMIT 1",
  ])("may be: %s", async (sql) => {
    expect((await runs.query(sql)).columns.length).toBeGreaterThan(0);
  });

  const outside = "/etc/passwd";
  it.each([
    "",
    "-- nothing",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE runs",
    "DROP TABLE runs",
    "DELETE FROM runs",
    "INSERT INTO runs SELECT * FROM runs",
    "CREATE TABLE t AS SELECT 1",
    "CREATE MACRO m() AS 1",
    "COPY runs TO '$OUT'",
    "COPY (SELECT 1) TO '$OUT'",
    "EXPORT DATABASE '$OUT'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '$OUT'",
    "ATTACH '$OUT'",
    "DETACH memory",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET ALL",
    "PRAGMA database_list",
    "PRAGMA version",
    "PRAGMA enable_profiling",
    "CALL enable_logging(storage = 'file', storage_path = '$OUT')",
    "FROM enable_logging(storage = 'file', storage_path = '$OUT')",
    "SELECT * FROM (FROM enable_logging())",
    "WITH a AS MATERIALIZED (FROM enable_profiling(save_location = '$OUT')) SELECT 1",
    "SELECT (SELECT count(*) FROM enable_logging())",
    "SELECT * FROM range((SELECT count(*) FROM enable_logging()))",
    "SELECT write_log('x')",
    "BEGIN",
    "CHECKPOINT",
    "VACUUM",
    "PREPARE p AS SELECT 1",
    `SELECT * FROM read_text('${outside}')`,
    `SELECT * FROM read_blob('${outside}')`,
    `SELECT * FROM read_csv('${outside}')`,
    `SELECT * FROM read_json('${outside}')`,
    `SELECT * FROM sniff_csv('${outside}')`,
    `SELECT * FROM parquet_metadata('${outside}')`,
    `SELECT * FROM '${outside}'`,
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM read_text('http://127.0.0.1/')",
    `SELECT * FROM query('SELECT * FROM read_text(''${outside}'')')`,
    `SELECT * FROM query_table('${outside}')`,
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM which_secret('s3://x', 's3')",
    "SELECT getenv('HOME')",
    "SELECT nonsense FROM runs",
    "no SQL at all",
  ])("may not be: %s", async (sql) => {
    const out = join(folder, "written");
    await expect(runs.query(sql.replaceAll("$OUT", out))).rejects.toMatchObject({ code: "invalid_argument" });
    expect(existsSync(out)).toBe(false);
    expect(await rows("SELECT count(*) FROM runs")).toEqual([[3]]);
  });

  it("never end in anything but an answer or a refusal, and write nothing", async () => {
    const before = readdirSync(folder).sort();
    const word = fc.constantFrom(
      "SELECT",
      "FROM",
      "runs",
      "COPY",
      "TO",
      "'x'",
      "(",
      ")",
      ";",
      "*",
      "SET",
      "1",
      ",",
      "--",
      "enable_logging()",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (words) => {
        const answer = await runs.query(words.join(" ")).catch((error: unknown) => error);
        if (answer instanceof Error) expect(answer).toMatchObject({ code: "invalid_argument" });
      }),
      { numRuns: 200 },
    );
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it("stop when they are aborted", async () => {
    const long = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 1";
    await expect(runs.query(long, { signal: AbortSignal.timeout(200) })).rejects.toThrow(/timeout|aborted/i);
    expect(await rows("SELECT 1")).toEqual([[1]]);
  });

  it("say which package is missing", async () => {
    await expect(duckDb(() => Promise.reject(new Error("no")))).rejects.toMatchObject({
      code: "missing_peer",
      message: expect.stringContaining("npm install @duckdb/node-api@") as string,
    });
  });
});
