import {
  type ExecutedPrecision,
  type JsonObject,
  type JsonValue,
  isJsonObject,
  precisions,
} from "@vrx/objective-contract";
import { type StepReport, type WorkloadFacts, deviceNamed } from "../workload.js";

/** What one line of a program says. */
export type SampleLine =
  | { readonly status: "hello"; readonly facts: WorkloadFacts }
  | {
      readonly status: "step";
      readonly step: number | null;
      readonly report: StepReport;
      readonly ignored: readonly string[];
    }
  | { readonly status: "invalid"; readonly message: string };

/** The readings a line may carry beside `step`, `time_s` and `loss`, and the domain of each. */
const readings = {
  vram_allocated_bytes: byteCount,
  vram_reserved_bytes: byteCount,
  rss_bytes: byteCount,
  sm_clock_mhz: nonNegative,
  mem_clock_mhz: nonNegative,
  power_w: nonNegative,
  temperature_c: finite,
  energy_j: nonNegative,
} as const;

const isReading = (key: string): key is keyof typeof readings => Object.hasOwn(readings, key);

/**
 * Reads one line (without its newline) of what a program writes to the descriptor in `VRX_SAMPLES_FD`:
 * `{"hello": {...}}` or a step. Besides JSON, the tokens NaN, Infinity and -Infinity are understood, as
 * Python's `json` writes them, and the same words as strings, as protocol buffers do. Keys of a step that
 * mean nothing here are named in `ignored`; anything else that does not fit makes the line invalid.
 */
export function readSampleLine(bytes: Uint8Array): SampleLine {
  let value: JsonValue;
  try {
    value = parsePythonJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return invalid("a JSON object", preview(bytes));
  }
  if (!isJsonObject(value)) return invalid("a JSON object", preview(bytes));
  try {
    return "hello" in value ? readHello(value) : readStep(value);
  } catch (error) {
    if (error instanceof BadField) return { status: "invalid", message: error.message };
    throw error;
  }
}

function readHello(line: JsonObject): SampleLine {
  const hello = line["hello"] ?? null;
  if (!isJsonObject(hello)) throw new BadField("hello", "an object", hello);
  const { executed_precision: precision, amp, step_time_mode, ...rest } = hello;
  const { device, tf32, total_vram_bytes, gpu_name, torch_version, python_version, cuda_version, ...extras } = rest;
  const name = optional("device", device, text);
  for (const [key, value] of Object.entries(extras)) {
    if (!isPlain(value)) throw new BadField(key, "a string, a finite number, true, false or null", value);
  }
  return {
    status: "hello",
    facts: {
      executed: executed(precision ?? null, optional("amp", amp, flag)),
      device: name === null ? null : deviceNamed(name),
      tf32: optional("tf32", tf32, flag),
      total_vram_bytes: optional("total_vram_bytes", total_vram_bytes, byteCount),
      gpu_name: optional("gpu_name", gpu_name, text),
      torch_version: optional("torch_version", torch_version, text),
      python_version: optional("python_version", python_version, text),
      cuda_version: optional("cuda_version", cuda_version, text),
      ...timedBy(optional("step_time_mode", step_time_mode, text)),
      ...(Object.keys(extras).length === 0 ? {} : { extras }),
    },
  };
}

/** How a program can take its own times; a word for it that nobody knows would say nothing. */
const ownTimeModes = ["perf_counter", "cuda_events"] as const;

function timedBy(word: string | null): Pick<WorkloadFacts, "step_time_mode"> {
  if (word === null) return {};
  const known = ownTimeModes.find((mode) => mode === word);
  if (known === undefined) throw new BadField("step_time_mode", `one of ${ownTimeModes.join(", ")}`, word);
  return { step_time_mode: known };
}

/** What artifacts can carry without a limit on depth. */
function isPlain(value: JsonValue): boolean {
  return value === null || (typeof value === "number" ? Number.isFinite(value) : typeof value !== "object");
}

function executed(precision: JsonValue, amp: boolean | null): ExecutedPrecision | null {
  if (precision === null) return null;
  const known = precisions.find((candidate) => candidate === precision);
  if (known === undefined) throw new BadField("executed_precision", `one of ${precisions.join(", ")}`, precision);
  return { precision: known, amp: amp ?? !["fp64", "fp32"].includes(known) };
}

function readStep(line: JsonObject): SampleLine {
  let step: number | null = null;
  let time_s: number | null = null;
  let loss: number | null = null;
  const ignored: string[] = [];
  const report: { -readonly [K in keyof typeof readings]?: number | null } = {};
  for (const [key, value] of Object.entries(line)) {
    if (key === "step") step = optional(key, value, stepNumber);
    else if (key === "time_s") time_s = optional(key, value, nonNegative);
    else if (key === "loss") loss = optional(key, value, anyNumber);
    else if (isReading(key)) report[key] = optional(key, value, readings[key]);
    else ignored.push(key);
  }
  return { status: "step", step, report: { time_s, loss, ...report }, ignored };
}

/** A field outside of its domain, on the way to the one message of its line. */
class BadField extends Error {
  constructor(key: string, expected: string, found: JsonValue) {
    super(`${shortened(key)}: expected ${expected}, found ${shortened(JSON.stringify(found))}`);
  }
}

function optional<T>(key: string, value: JsonValue | undefined, read: (key: string, value: JsonValue) => T): T | null {
  return value === undefined || value === null ? null : read(key, value);
}

const words: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity: Infinity, "-Infinity": -Infinity };

function anyNumber(key: string, value: JsonValue): number {
  const number = typeof value === "string" && Object.hasOwn(words, value) ? words[value] : value;
  if (typeof number !== "number") throw new BadField(key, "a number or null", value);
  return number;
}

function finite(key: string, value: JsonValue): number {
  const number = anyNumber(key, value);
  if (!Number.isFinite(number)) throw new BadField(key, "a finite number or null", String(number));
  return number;
}

function nonNegative(key: string, value: JsonValue): number {
  const number = finite(key, value);
  if (number < 0) throw new BadField(key, "a number of at least 0, or null", value);
  return number;
}

function byteCount(key: string, value: JsonValue): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new BadField(key, "a whole number of bytes or null", value);
  }
  return value;
}

function stepNumber(key: string, value: JsonValue): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new BadField(key, "a whole number counted from 0", value);
  }
  return value;
}

function text(key: string, value: JsonValue): string {
  if (typeof value !== "string") throw new BadField(key, "a string or null", value);
  return value;
}

function flag(key: string, value: JsonValue): boolean {
  if (typeof value !== "boolean") throw new BadField(key, "true, false or null", value);
  return value;
}

/** JSON.parse, and the three words of Python's `json` for what JSON has no number for, as strings. */
function parsePythonJson(line: string): JsonValue {
  try {
    return parseJson(line);
  } catch (error) {
    if (!/NaN|Infinity/.test(line)) throw error;
    return parseJson(
      line.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) => (token.startsWith('"') ? token : `"${token}"`)),
    );
  }
}

const parseJson: (text: string) => JsonValue = JSON.parse;

function invalid(expected: string, found: string): SampleLine {
  return { status: "invalid", message: `expected ${expected}, found ${found}` };
}

function preview(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty line";
  return shortened(JSON.stringify(new TextDecoder().decode(bytes.subarray(0, 80))));
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
