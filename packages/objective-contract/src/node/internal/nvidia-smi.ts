import type { JsonObject } from "../../json.js";
import { type ToolAnswer, runTool } from "./run-tool.js";

/** Milliseconds that nvidia-smi may take, as in the contract's tool. */
const TIMEOUT_MS = 3000;
/** The most of its plain output that is kept. */
const RAW_LIMIT = 65_536;

const fields = ["driver_version", "name", "memory.total", "compute_cap", "driver_model.current"] as const;

/** The first GPU as nvidia-smi describes it; unknown facts are null, and `errors` say why, as short codes. */
export interface NvidiaSmiFacts {
  readonly gpu_name: string | null;
  readonly total_vram_bytes: number | null;
  readonly compute_capability: string | null;
  readonly driver_version: string | null;
  readonly driver_model: string | null;
  readonly cuda_driver_reported: string | null;
  readonly query: JsonObject | null;
  readonly raw: string | null;
  readonly errors: readonly string[];
}

/**
 * Asks nvidia-smi: five fields, then four (Linux drivers refuse the driver model), and its plain output for the
 * CUDA version. At most 3 s each.
 */
export async function readNvidiaSmi(env: NodeJS.ProcessEnv): Promise<NvidiaSmiFacts> {
  const options = { timeout_ms: TIMEOUT_MS, env };
  const errors: string[] = [];
  const [plain, five] = await Promise.all([runTool("nvidia-smi", [], options), query(fields, options)]);
  if (plain.status === "not_found") return { ...nothing, errors: ["nvidia_smi_not_found"] };
  const raw = plain.status === "ok" ? ascii(plain.stdout).slice(0, RAW_LIMIT) : null;
  if (plain.status !== "ok") errors.push(failure("nvidia_smi_raw", plain, ""));
  const fourFields = fields.slice(0, 4);
  const asked = parse(fields, five, errors) ?? parse(fourFields, await query(fourFields, options), errors);
  if (asked === null) return { ...nothing, raw, cuda_driver_reported: cudaVersion(raw), errors };
  const mebibytes = asked.get("memory.total") ?? "";
  const total_vram_bytes = /^\d{1,9}$/.test(mebibytes) ? Number(mebibytes) * 1_048_576 : null;
  if (total_vram_bytes === null) errors.push("nvidia_smi_parse_memory_total_failed");
  return {
    gpu_name: known(asked.get("name")),
    total_vram_bytes,
    compute_capability: known(asked.get("compute_cap")),
    driver_version: known(asked.get("driver_version")),
    driver_model: known(asked.get("driver_model.current")),
    cuda_driver_reported: cudaVersion(raw),
    query: Object.fromEntries(asked),
    raw,
    errors,
  };
}

const nothing: Omit<NvidiaSmiFacts, "errors"> = {
  gpu_name: null,
  total_vram_bytes: null,
  compute_capability: null,
  driver_version: null,
  driver_model: null,
  cuda_driver_reported: null,
  query: null,
  raw: null,
};

function query(names: readonly string[], options: Parameters<typeof runTool>[2]): Promise<ToolAnswer> {
  return runTool("nvidia-smi", [`--query-gpu=${names.join(",")}`, "--format=csv,noheader,nounits"], options);
}

function parse(names: readonly string[], answer: ToolAnswer, errors: string[]): ReadonlyMap<string, string> | null {
  const which = `(${names.length}_fields)`;
  if (answer.status !== "ok") {
    errors.push(failure("nvidia_smi_query", answer, which));
    return null;
  }
  const line = answer.stdout.split("\n").find((text) => text.trim() !== "");
  if (line === undefined) {
    errors.push(`nvidia_smi_query_empty${which}`);
    return null;
  }
  const values = line.split(",").map((value) => ascii(value.trim()).slice(0, 256));
  if (values.length !== names.length) {
    errors.push(`nvidia_smi_query_field_mismatch${which}`);
    return null;
  }
  const answers = new Map(names.map((name, index) => [name, values[index] ?? ""]));
  const version = known(answers.get("driver_version"));
  if (version !== null && !/^\d+(\.\d+)+$/.test(version)) {
    // Whatever answered, it is not nvidia-smi: the other fields would be as wrong.
    errors.push(`nvidia_smi_query_not_a_driver_version${which}`);
    return null;
  }
  return answers;
}

function failure(what: string, answer: Exclude<ToolAnswer, { status: "ok" }>, which: string): string {
  return answer.status === "failed" ? `${what}_nonzero_rc${which}:${answer.code}` : `${what}_failed${which}`;
}

/** nvidia-smi says `[N/A]` or `[Not Supported]` for what it does not know. */
function known(value: string | undefined): string | null {
  return value === undefined || value === "" || /^\[?(n\/a|not supported|unknown error)\]?$/i.test(value)
    ? null
    : value;
}

function cudaVersion(raw: string | null): string | null {
  return raw === null ? null : (/CUDA Version:\s*(\d+\.\d+)/.exec(raw)?.[1] ?? null);
}

function ascii(text: string): string {
  return text.replace(/[^\n\u0020-\u007e]/g, "?");
}
