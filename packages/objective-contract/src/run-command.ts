import { type FieldIssue, Fields } from "./internal/fields.js";
import type { JsonObject } from "./json.js";
import { precisions } from "./precision.js";
import { readDevice } from "./run-device.js";
import { RUN_SCHEMA_VERSION, type RunHeader, stepTimeModes } from "./run-header.js";
import type { HeartbeatPolicy } from "./heartbeat.js";
import { type RunWorkload, requiredKnobs } from "./run-workload.js";

/** What reading a run's header gives. */
export type ReadHeader =
  | { readonly status: "ok"; readonly header: RunHeader }
  | { readonly status: "invalid"; readonly issues: readonly FieldIssue[] };

/** The content of `run_cmd.txt`: the header, and the keys of the contract that say the same in other words. */
export function runCommandDocument(header: RunHeader): JsonObject {
  const { workload, device, heartbeat, contract } = header;
  return {
    argv: header.argv,
    amp: header.amp,
    canonical_spec: requiredKnobs(workload),
    contract_gates: contract.gates,
    contract_name: contract.name,
    contract_rel_golden_draft: contract.page,
    contract_repo_path: contract.page,
    created_utc: header.created_utc,
    device: { kind: device.kind, name: device.name, simulated: device.simulated },
    engine: header.engine,
    engine_version: header.engine_version,
    heartbeat:
      heartbeat === null
        ? null
        : { factor: heartbeat.factor, floor_s: heartbeat.floor_s, set_up_limit_s: heartbeat.set_up_limit_s },
    measure_steps: header.measure_steps,
    notes: header.notes,
    out_dim: header.out_dim,
    precision: header.precision,
    probe_id: header.probe_id,
    resolved_spec: requiredKnobs(workload),
    run_options: header.run_options,
    run_options_digest: header.run_options_digest,
    schema_version: header.schema_version,
    seed: header.seed,
    step_time_mode: header.step_time_mode,
    threads: header.threads,
    vram_guard_ratio: header.vram_guard_ratio,
    warmup_steps: header.warmup_steps,
    workload_digest: header.workload_digest,
    workload_id: header.workload_id,
    workload_schema_rel_golden_draft: header.workload_page,
    workload_schema_repo_path: header.workload_page,
  };
}

/** Reads the content of `run_cmd.txt` strictly; the reverse of `runCommandDocument`. */
export function readRunCommand(json: unknown): ReadHeader {
  const issues: FieldIssue[] = [];
  const fields = new Fields(json, "", issues);
  fields.only(runCommandKeys);
  const contract_page = fields.string("contract_repo_path");
  const workload_page = fields.string("workload_schema_repo_path");
  same(fields, "contract_rel_golden_draft", contract_page);
  same(fields, "workload_schema_rel_golden_draft", workload_page);
  const workload = readWorkload(fields.object("canonical_spec"));
  readWorkload(fields.object("resolved_spec"));
  const header: RunHeader = {
    schema_version: fields.oneOf("schema_version", [RUN_SCHEMA_VERSION]),
    workload,
    workload_id: fields.string("workload_id"),
    workload_digest: fields.digest("workload_digest"),
    probe_id: fields.string("probe_id"),
    run_options: fields.json("run_options"),
    run_options_digest: fields.digest("run_options_digest"),
    engine: fields.string("engine"),
    engine_version: fields.nullable("engine_version", (key) => fields.string(key)),
    device: readDevice(fields.object("device")),
    precision: fields.oneOf("precision", precisions),
    amp: fields.boolean("amp"),
    out_dim: fields.integer("out_dim", 1),
    warmup_steps: fields.integer("warmup_steps", 0),
    measure_steps: fields.integer("measure_steps", 1),
    step_time_mode: fields.oneOf("step_time_mode", stepTimeModes),
    seed: fields.nullable("seed", (key) => {
      const seed = fields.raw(key);
      return typeof seed === "string" ? seed : fields.number(key);
    }),
    threads: fields.nullable("threads", (key) => fields.integer(key, 1)),
    contract: {
      name: fields.string("contract_name"),
      gates: fields.strings("contract_gates"),
      page: contract_page,
    },
    workload_page,
    vram_guard_ratio: fields.number("vram_guard_ratio", 0),
    heartbeat: fields.nullable("heartbeat", (key) => readHeartbeat(fields.object(key))),
    argv: fields.strings("argv"),
    created_utc: fields.string("created_utc"),
    notes: fields.strings("notes"),
  };
  return issues.length === 0 ? { status: "ok", header } : { status: "invalid", issues };
}

const runCommandKeys = [
  "argv",
  "amp",
  "canonical_spec",
  "contract_gates",
  "contract_name",
  "contract_rel_golden_draft",
  "contract_repo_path",
  "created_utc",
  "device",
  "engine",
  "engine_version",
  "heartbeat",
  "measure_steps",
  "notes",
  "out_dim",
  "precision",
  "probe_id",
  "resolved_spec",
  "run_options",
  "run_options_digest",
  "schema_version",
  "seed",
  "step_time_mode",
  "threads",
  "vram_guard_ratio",
  "warmup_steps",
  "workload_digest",
  "workload_id",
  "workload_schema_rel_golden_draft",
  "workload_schema_repo_path",
];

function same(fields: Fields, key: string, value: string): void {
  if (fields.string(key) !== value) fields.bad(key, JSON.stringify(value));
}

function readWorkload(fields: Fields): RunWorkload {
  fields.only(["schema_version", "ant_spec", "colony_spec"]);
  const ant = fields.object("ant_spec");
  ant.only(["ring_len", "slot_dim", "ptr_dtype", "precision"]);
  const colony = fields.object("colony_spec");
  colony.only(["seq_len", "synth_len", "batch_size", "ptr_update_every", "state_loop_samples"]);
  return {
    schema_version: fields.oneOf("schema_version", ["workload_schema_v1"]),
    ant_spec: {
      ring_len: ant.integer("ring_len", 1),
      slot_dim: ant.integer("slot_dim", 1),
      ptr_dtype: ant.oneOf("ptr_dtype", ["fp64", "fp32", "fp16", "bf16"]),
      precision: ant.oneOf("precision", precisions),
    },
    colony_spec: {
      seq_len: colony.integer("seq_len", 1),
      synth_len: colony.integer("synth_len", 1),
      batch_size: colony.integer("batch_size", 1),
      ptr_update_every: colony.integer("ptr_update_every", 1),
      state_loop_samples: colony.integer("state_loop_samples", 0),
    },
  };
}

function readHeartbeat(fields: Fields): HeartbeatPolicy {
  fields.only(["set_up_limit_s", "floor_s", "factor"]);
  return {
    set_up_limit_s: fields.number("set_up_limit_s", 0),
    floor_s: fields.number("floor_s", 0),
    factor: fields.number("factor", 0),
  };
}
