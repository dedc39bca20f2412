import { join } from "node:path";
import type { FoundArtifacts, RUN_DOCUMENTS } from "./find-artifacts.js";

/** A column: its name, its type, and the expression over the JSON of the artifacts. */
type Column = readonly [name: string, type: string, expression: string];

/** A table over artifacts: what a query can name, and how it is made. */
export interface RunsTable {
  readonly name: string;
  readonly columns: readonly Column[];
  /** The statement that gives its rows. */
  readonly from: string;
}

const at = (json: string, path: string): string => `json_extract_string(${json}, '$.${path}')`;
const column = (json: string, type: string, name: string, path = name): Column => [
  name,
  type,
  type === "JSON" ? `json_extract(${json}, '$.${path}')` : `TRY_CAST(${at(json, path)} AS ${type})`,
];
const columns = (json: string, type: string, ...names: readonly string[]): readonly Column[] =>
  names.map((name) => column(json, type, name));

/** The tables over these artifacts. Files that are no JSON give rows of nulls: a run that was killed is a row too. */
export function runsTables(found: FoundArtifacts): readonly RunsTable[] {
  const part = (name: (typeof RUN_DOCUMENTS)[number]): string => {
    const having = found.runs.filter((run) => run.documents.includes(name));
    return `(${documents(having.map(({ dir }) => join(dir, name)))})`;
  };
  return [
    {
      name: "runs",
      columns: [
        ["dir", "VARCHAR", "dir"],
        column("command", "VARCHAR", "created_utc"),
        ...columns("command", "VARCHAR", "workload_id", "workload_digest", "probe_id", "engine", "engine_version"),
        // What a program says of its device is known at its end; how the run was described, from the beginning.
        ["device", "VARCHAR", `COALESCE(${at("metrics", "device")}, ${at("command", "device.name")})`],
        column("metrics", "BOOLEAN", "simulated"),
        ...columns("env", "VARCHAR", "host", "cpu_model", "gpu_name", "driver_version", "git_commit"),
        ...["ring_len", "slot_dim"].map((name) => column("command", "BIGINT", name, `resolved_spec.ant_spec.${name}`)),
        column("command", "BIGINT", "heads", "out_dim"),
        ...["batch_size", "seq_len", "synth_len"].map((name) =>
          column("command", "BIGINT", name, `resolved_spec.colony_spec.${name}`),
        ),
        column("command", "VARCHAR", "precision"),
        column("env", "VARCHAR", "executed_precision"),
        column("command", "VARCHAR", "seed"),
        ...columns("command", "BIGINT", "threads", "warmup_steps", "measure_steps"),
        ...columns("metrics", "VARCHAR", "verdict", "evidence_level", "run_status", "stop_reason"),
        column("metrics", "JSON", "fail_reasons"),
        ...columns("metrics", "DOUBLE", "median_step_time_s", "p95_step_time_s", "measure_wall_time_s"),
        ...columns("metrics", "DOUBLE", "throughput_tokens_per_s", "throughput_samples_per_s"),
        ...columns("metrics", "BIGINT", "peak_vram_reserved_bytes", "peak_vram_allocated_bytes", "peak_rss_bytes"),
        ["metrics", "JSON", "metrics"],
        ["command", "JSON", "command"],
        ["env", "JSON", "env"],
      ],
      from: `SELECT runs.dir, m.json AS metrics, c.json AS command, e.json AS env
             FROM (SELECT unnest(${list(found.runs.map(({ dir }) => dir))}::VARCHAR[]) AS dir) runs
             LEFT JOIN ${part("metrics.json")} m ON m.file = runs.dir || '/metrics.json'
             LEFT JOIN ${part("run_cmd.txt")} c ON c.file = runs.dir || '/run_cmd.txt'
             LEFT JOIN ${part("env.json")} e ON e.file = runs.dir || '/env.json'`,
    },
    {
      name: "samples",
      columns: [
        ["dir", "VARCHAR", "regexp_replace(file, '/[^/]*$', '')"],
        column("json", "VARCHAR", "phase"),
        column("json", "BIGINT", "step"),
        ...columns("json", "DOUBLE", "time_s", "end_s", "loss", "sm_clock_mhz", "mem_clock_mhz", "power_w"),
        ...columns("json", "DOUBLE", "temperature_c", "energy_j"),
        ...columns("json", "BIGINT", "vram_allocated_bytes", "vram_reserved_bytes", "rss_bytes"),
        column("json", "JSON", "throttle_reasons"),
      ],
      from: lines(found.samples),
    },
    {
      name: "packets",
      columns: [
        ["file", "VARCHAR", "file"],
        ...columns("json", "VARCHAR", "generated_utc", "workload_id", "probe_id", "ant_tier", "precision"),
        ...columns("json", "BIGINT", "ant_ring_len", "ant_slot_dim", "expert_heads", "batch_size", "seq_len"),
        column("json", "BOOLEAN", "stability_pass"),
        column("json", "JSON", "fail_reasons"),
        ...columns("json", "DOUBLE", "throughput_tokens_per_s", "vram_ratio_reserved", "assoc_byte_disjoint_accuracy"),
        ...columns("json", "BIGINT", "assoc_eval_n", "token_budget", "token_budget_steps"),
        column("json", "VARCHAR", "assoc_seed", "vrx.assoc_seed"),
        column("json", "VARCHAR", "host", "vrx.host"),
        ...columns("json", "VARCHAR", "probe_run_root", "assoc_run_root"),
        ["packet", "JSON", "json"],
      ],
      from: lines(found.packets),
    },
    {
      name: "reports",
      columns: [
        ["dir", "VARCHAR", "regexp_replace(file, '/[^/]*$', '')"],
        ...columns("json", "VARCHAR", "benchmark", "generated_utc", "workload_id", "workload_digest"),
        column("json", "VARCHAR", "seed", "settings.seed"),
        column("json", "VARCHAR", "engine", "engine.kind"),
        column("json", "BIGINT", "steps", "train.steps"),
        column("json", "BIGINT", "ring_tokens", "train.ring_tokens"),
        ...["eval_acc", "eval_loss"].map((name) => column("json", "DOUBLE", name, `eval.${name}`)),
        ...["eval_hits", "eval_n"].map((name) => column("json", "BIGINT", name, `eval.${name}`)),
        ...["chance", "copy", "ceiling"].map((name) => column("json", "DOUBLE", name, `levels.${name}`)),
        ["report", "JSON", "json"],
      ],
      from: documents(found.reports),
    },
    {
      name: "trials",
      columns: [
        ["dir", "VARCHAR", "regexp_replace(file, '/[^/]*$', '')"],
        ...columns("json", "VARCHAR", "digest", "status", "host", "executor", "gpu_uuid", "started_utc", "ended_utc"),
        column("json", "BOOLEAN", "simulated"),
        column("json", "JSON", "reasons"),
        column("json", "JSON", "figures"),
        ["result", "JSON", "json"],
      ],
      from: documents(found.trials),
    },
  ];
}

/** The statement that makes a table and fills it, in a database that may still read files. */
export function createTable({ name, columns: all, from }: RunsTable): string {
  const selected = all.map(([column_name, type, expression]) => `(${expression})::${type} AS "${column_name}"`);
  return `CREATE TABLE "${name}" AS SELECT ${selected.join(", ")} FROM (${from})`;
}

/** An empty list of files is an error of DuckDB. */
const NO_ROWS = "SELECT NULL::VARCHAR AS file, NULL::JSON AS json WHERE false";

/** Whole files as JSON; null where a file is none. */
function documents(files: readonly string[]): string {
  if (files.length === 0) return NO_ROWS;
  return `SELECT filename AS file, TRY(decode(content)::JSON) AS json FROM read_blob(${list(files.map(pattern))})`;
}

/** The lines of files as JSON; what is none, as the last line of a run that was killed, is left out. */
function lines(files: readonly string[]): string {
  if (files.length === 0) return NO_ROWS;
  const read = `read_ndjson_objects(${list(files.map(pattern))}, ignore_errors = true, filename = true)`;
  return `SELECT filename AS file, json FROM ${read} WHERE json IS NOT NULL`;
}

/** A path as a glob that matches only itself. */
function pattern(path: string): string {
  return path.replaceAll(/[[\]*?]/g, (character) => `[${character}]`);
}

function list(texts: readonly string[]): string {
  return `[${texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(", ")}]`;
}
