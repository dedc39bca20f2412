import { ENV_SCHEMA_VERSION, type EnvFacts } from "./env-facts.js";
import { type FieldIssue, Fields } from "./internal/fields.js";
import { type JsonObject, isJson, isJsonObject } from "./json.js";
import { precisions } from "./precision.js";
import { readDevice } from "./run-device.js";
import { type RunHeader, stepTimeModes } from "./run-header.js";

/** What reading `env.json` gives; `workload_digest` is the workload whose run it belongs to. */
export type ReadEnv =
  | { readonly status: "ok"; readonly env: EnvFacts; readonly workload_digest: string }
  | { readonly status: "invalid"; readonly issues: readonly FieldIssue[] };

/** The content of `env.json`: the facts, and which run they belong to. */
export function envDocument(env: EnvFacts, header: RunHeader): JsonObject {
  return {
    ...env,
    executed_device: env.executed_device === null ? null : { ...env.executed_device },
    env_vars: { ...env.env_vars },
    reasons: { ...env.reasons },
    workload_digest: header.workload_digest,
    probe_id: header.probe_id,
    contract_page: header.contract.page,
    workload_schema_page: header.workload_page,
  };
}

/** Reads the content of `env.json` strictly; the reverse of `envDocument`. */
export function readEnv(json: unknown): ReadEnv {
  const issues: FieldIssue[] = [];
  const f = new Fields(json, "", issues);
  const text = (key: string): string | null => f.nullable(key, (k) => f.string(k));
  const count = (key: string): number | null => f.nullable(key, (k) => f.integer(k, 0));
  const flag = (key: string): 0 | 1 | null => f.nullable(key, (k) => f.oneOf(k, [0, 1]));
  const env: EnvFacts = {
    env_schema_version: f.oneOf("env_schema_version", [ENV_SCHEMA_VERSION]),
    tool_version: f.string("tool_version"),
    generated_utc: f.string("generated_utc"),
    host: text("host"),
    os: f.string("os"),
    arch: f.string("arch"),
    cpu_model: text("cpu_model"),
    cpu_count: count("cpu_count"),
    total_memory_bytes: count("total_memory_bytes"),
    node_version: text("node_version"),
    python_version: text("python_version"),
    torch_version: text("torch_version"),
    cuda_version: text("cuda_version"),
    precision: f.string("precision"),
    amp: flag("amp"),
    executed_precision: f.nullable("executed_precision", (key) => f.oneOf(key, precisions)),
    executed_amp: flag("executed_amp"),
    executed_device: f.nullable("executed_device", (key) => readDevice(f.object(key))),
    executed_step_time_mode: f.nullable("executed_step_time_mode", (key) => f.oneOf(key, stepTimeModes)),
    tf32: f.nullable("tf32", (key) => f.boolean(key)),
    gpu_name: text("gpu_name"),
    total_vram_bytes: count("total_vram_bytes"),
    compute_capability: text("compute_capability"),
    driver_version: text("driver_version"),
    cuda_driver_reported: text("cuda_driver_reported"),
    driver_model: text("driver_model"),
    nvidia_smi_query: f.nullable("nvidia_smi_query", (key) => f.json(key)),
    nvidia_smi_raw: text("nvidia_smi_raw"),
    git_commit: text("git_commit"),
    git_dirty: flag("git_dirty"),
    git_error: text("git_error"),
    env_vars: readTexts(f, "env_vars", true),
    errors: f.strings("errors"),
    reasons: readReasons(f),
  };
  f.only([...Object.keys(env), "workload_digest", "probe_id", "contract_page", "workload_schema_page"]);
  const workload_digest = f.digest("workload_digest");
  f.string("probe_id");
  f.string("contract_page");
  f.string("workload_schema_page");
  return issues.length === 0 ? { status: "ok", env, workload_digest } : { status: "invalid", issues };
}

function readReasons(fields: Fields): Readonly<Record<string, string>> {
  const known = Object.entries(readTexts(fields, "reasons", false));
  return Object.fromEntries(known.map(([key, value]) => [key, value ?? ""]));
}

function readTexts(fields: Fields, key: string, nulls: boolean): Readonly<Record<string, string | null>> {
  const value = fields.raw(key);
  if (isJson(value, 2) && isJsonObject(value)) {
    const entries = Object.entries(value);
    const texts = entries.filter(
      (entry): entry is [string, string | null] => typeof entry[1] === "string" || (nulls && entry[1] === null),
    );
    if (texts.length === entries.length) return Object.fromEntries(texts);
  }
  fields.bad(key, nulls ? "an object of strings and nulls" : "an object of strings");
  return {};
}
