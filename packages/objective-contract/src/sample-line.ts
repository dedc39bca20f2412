import { type FieldIssue, Fields } from "./internal/fields.js";
import { type StepSample, sampleReadings } from "./step-sample.js";

/** The longest line of `samples.jsonl` that is read, in bytes. */
export const MAX_SAMPLE_LINE_BYTES = 65_536;

/** A line of `samples.jsonl` as it was read. */
export type SampleLine =
  | { readonly status: "ok"; readonly sample: StepSample; readonly workload_digest: string }
  | { readonly status: "invalid"; readonly issues: readonly FieldIssue[] };

const keys = [
  "workload_digest",
  "phase",
  "step",
  "time_s",
  "end_s",
  "loss",
  ...sampleReadings,
  "throttle_reasons",
] as const;

/**
 * One line of `samples.jsonl`, without the line end: a JSON object with the workload's digest and the sample.
 * A loss that JSON cannot carry is the string `NaN`, `Infinity` or `-Infinity`.
 */
export function formatSampleLine(sample: StepSample, workload_digest: string): string {
  const { loss } = sample;
  return JSON.stringify(
    { ...sample, workload_digest, loss: loss === null || Number.isFinite(loss) ? loss : String(loss) },
    [...keys],
  ).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Reads one line of `samples.jsonl` strictly: every key known, every value of its kind. */
export function readSampleLine(text: string): SampleLine {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const found = error instanceof Error ? error.message : "something else";
    return { status: "invalid", issues: [{ field: "", expected: "a JSON object on one line", found }] };
  }
  const issues: FieldIssue[] = [];
  const fields = new Fields(json, "", issues);
  fields.only(keys);
  const workload_digest = fields.digest("workload_digest");
  const sample = readSample(fields);
  return issues.length === 0 ? { status: "ok", sample, workload_digest } : { status: "invalid", issues };
}

/** What is wrong with a sample that a caller made; empty when nothing is. */
export function checkSample(sample: StepSample): readonly FieldIssue[] {
  const issues: FieldIssue[] = [];
  const { loss } = sample;
  const written = typeof loss === "number" && !Number.isFinite(loss) ? String(loss) : loss;
  const entries: [string, unknown][] = Object.entries({ ...sample, loss: written });
  const fields = new Fields(Object.fromEntries(entries.filter(([, value]) => value !== undefined)), "", issues);
  fields.only(keys);
  readSample(fields);
  return issues;
}

function readSample(fields: Fields): StepSample {
  return {
    step: fields.integer("step", 0),
    phase: fields.oneOf("phase", ["warmup", "measure"]),
    time_s: fields.number("time_s", 0),
    end_s: fields.number("end_s", 0),
    loss: fields.nullable("loss", () => readLoss(fields)),
    ...readReadings(fields),
  };
}

function readLoss(fields: Fields): number {
  const value = fields.raw("loss");
  if (value === "NaN") return NaN;
  if (value === "Infinity") return Infinity;
  if (value === "-Infinity") return -Infinity;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  fields.bad("loss", 'a number, "NaN", "Infinity", "-Infinity" or null');
  return NaN;
}

function readReadings(fields: Fields): Partial<StepSample> {
  const read: Partial<Record<(typeof sampleReadings)[number], number | null>> = {};
  for (const key of sampleReadings) {
    if (!fields.has(key)) continue;
    read[key] = fields.nullable(key, () =>
      key.endsWith("_bytes") ? fields.integer(key, 0) : fields.number(key, key === "temperature_c" ? -273.15 : 0),
    );
  }
  if (!fields.has("throttle_reasons")) return read;
  return { ...read, throttle_reasons: fields.nullable("throttle_reasons", (key) => fields.strings(key)) };
}
