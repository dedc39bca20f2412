import { isAbsolute, relative } from "node:path";
import type { PlannedProbe, ProbeResult } from "@vrx/harness";
import { type JsonObject, type JsonValue, isJsonObject } from "@vrx/objective-contract";
import type { Output } from "../frame/output.js";
import { printable, quoteName } from "../frame/printable.js";
import { table } from "../frame/table.js";

/** What `--dry-run --json` prints. */
export function planDocument({ header, description }: PlannedProbe, out: string): Readonly<Record<string, unknown>> {
  return { dry_run: true, artifacts: out, ...header, extras: description.extras ?? {} };
}

/** What `--dry-run` prints. */
export function planLines(plan: PlannedProbe, name: string, out: string, output: Output): readonly string[] {
  const { header, description } = plan;
  return table([
    ...identityRows(header, name),
    ["steps", `${header.warmup_steps} warm-up, ${header.measure_steps} measured`],
    ...memoryRows(objectIn(description.extras ?? {}, "memory")),
    ["artifacts", `${quoteName(out)} (not written: dry run)`],
  ]).map((line) => output.style.faint(line));
}

/** What `--json` prints: the verdict with all that led to it, and where the artifacts are. */
export function resultDocument({
  header,
  samples,
  outcome,
  verdict,
  dir,
}: ProbeResult): Readonly<Record<string, unknown>> {
  const { status, ...rest } = verdict;
  return {
    verdict: status,
    ...rest,
    artifacts: dir,
    workload_id: header.workload_id,
    workload_digest: header.workload_digest,
    run_options_digest: header.run_options_digest,
    probe_id: header.probe_id,
    engine: header.engine,
    engine_version: header.engine_version,
    seed: header.seed,
    threads: header.threads,
    steps_recorded: samples.length,
    run_status: outcome.status,
    stop_reason: outcome.stop_reason,
    exception: outcome.exception,
    executed: outcome.executed,
    stall: outcome.stall,
    extras: outcome.extras,
  };
}

/** What a person is shown: figures first, the verdict with its reasons and the artifacts last. */
export function resultLines(result: ProbeResult, name: string, output: Output): readonly string[] {
  const { header, outcome, verdict, dir } = result;
  const { metrics, evidence } = verdict;
  const { style } = output;
  const rows: (readonly [string, string])[] = [
    ...identityRows(header, name),
    [
      "steps",
      `${header.warmup_steps} warm-up, ${metrics.measured_steps} of ${header.measure_steps} measured${endedEarly(result)}`,
    ],
  ];
  if (metrics.throughput_tokens_per_s !== null && metrics.throughput_samples_per_s !== null) {
    const { throughput_tokens_per_s: tokens, throughput_samples_per_s: samples } = metrics;
    rows.push(["throughput", `${rounded(tokens)} tokens/s, ${rounded(samples)} samples/s`]);
  }
  if (metrics.median_step_time_s !== null && metrics.p95_step_time_s !== null) {
    const mode = outcome.step_time_mode ?? header.step_time_mode;
    const times = `median ${inSeconds(metrics.median_step_time_s)}, p95 ${inSeconds(metrics.p95_step_time_s)}`;
    rows.push(["step time", `${times} (${mode})`]);
  }
  rows.push(...memoryRows(objectIn(outcome.extras, "memory")));
  if (metrics.peak_vram_reserved_bytes !== null)
    rows.push(["VRAM", `${inBytes(metrics.peak_vram_reserved_bytes)} reserved at most`]);
  const { skipped_updates } = objectIn(outcome.extras, "loss_scaling");
  if (typeof skipped_updates === "number" && skipped_updates > 0)
    rows.push(["updates", `${skipped_updates} skipped, since gradients overflowed`]);
  if (typeof outcome.extras["log"] === "string") rows.push(["stderr", `kept in ${outcome.extras["log"]}`]);

  const level = evidence.level === null ? "" : `, evidence ${evidence.level}`;
  const why = evidence.level === "E1" && evidence.missing[0] !== undefined ? ` (not E2: ${evidence.missing[0]})` : "";
  rows.push(
    ["verdict", `${verdict.status}${level}${why}`],
    ...reasonsOf(result).map((reason) => ["", reason] as const),
    ["artifacts", dir === null ? "none" : shownPath(dir)],
  );
  const paint = verdict.status === "pass" ? style.good : verdict.status === "fail" ? style.bad : style.unsure;
  return table(rows)
    .map(printable)
    .map((line) => (line.startsWith("verdict ") ? line.replace(verdict.status, paint) : line));
}

function endedEarly({ header, verdict, outcome }: ProbeResult): string {
  return verdict.metrics.measured_steps === header.measure_steps ? "" : ` (${outcome.status}: ${outcome.stop_reason})`;
}

/** Why the verdict is not pass, one line each; of several reasons the decisive kind comes first. */
function reasonsOf({ verdict, outcome }: ProbeResult): readonly string[] {
  const reasonOf = (name: string): string => verdict.gates.find(({ gate }) => gate === name)?.reason ?? "";
  return [
    ...verdict.fail_reasons.map(
      (gate) => `failed: ${gate}: ${gate === "runtime_exception" ? thrown(outcome) : reasonOf(gate)}`,
    ),
    ...verdict.invalid_reasons.map(({ code, message }) => `invalid: ${code}: ${message}`),
    ...(verdict.status === "inconclusive"
      ? verdict.inconclusive_reasons.map(({ code, message }) => `inconclusive: ${code}: ${message}`)
      : []),
  ].map((line) => line.replace(/\s+/g, " "));
}

function thrown({ exception, stop_reason }: ProbeResult["outcome"]): string {
  return exception === null ? stop_reason : exception.message;
}

function identityRows(header: PlannedProbe["header"], name: string): (readonly [string, string])[] {
  const threads = header.threads === null ? "" : `, ${header.threads} thread${header.threads === 1 ? "" : "s"}`;
  const engine = header.engine_version ?? header.engine;
  const { argv } = header.run_options;
  if (header.engine === "command" && Array.isArray(argv)) {
    return [
      ["workload", `${quoteName(name)}  ${header.probe_id}`],
      ["program", argv.map((word) => quoteName(String(word))).join(" ")],
      ["seed", String(header.seed)],
    ];
  }
  return [
    ["workload", `${quoteName(name)}  ${header.probe_id}`],
    ["engine", `${engine}${threads}, seed ${String(header.seed)}`],
  ];
}

function objectIn(extras: JsonObject, key: string): JsonObject {
  const value = extras[key] ?? null;
  return isJsonObject(value) ? value : {};
}

function memoryRows(memory: JsonObject): (readonly [string, string])[] {
  const bytes = (key: string): number | null => numberOf(memory[key]);
  const predicted = bytes("predicted_bytes");
  if (predicted === null) return [];
  const held = bytes("held_bytes");
  const error = numberOf(memory["held_error"]);
  const grown = bytes("rss_growth_bytes");
  const parts = [`${inBytes(predicted)} predicted`];
  if (held !== null)
    parts.push(`${inBytes(held)} held${error === null ? "" : ` (error ${(100 * error).toFixed(2)} %)`}`);
  if (grown !== null) parts.push(`${inBytes(grown)} resident growth`);
  return [["memory", parts.join(", ")]];
}

/** The memory a run is predicted to need, before it is run; null where nobody predicts it. */
export function predictedBytes({ description }: PlannedProbe): number | null {
  return numberOf(objectIn(description.extras ?? {}, "memory")["predicted_bytes"]);
}

function numberOf(value: JsonValue | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/** Bytes in decimal units, as memory prices and the figures of this project have them. */
export function inBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toPrecision(3)} ${units[power] ?? "B"}`;
}

/** A duration with three digits. */
export function inSeconds(time_s: number): string {
  if (time_s >= 1) return `${time_s.toPrecision(3)} s`;
  return time_s >= 1e-3 ? `${(1e3 * time_s).toPrecision(3)} ms` : `${(1e6 * time_s).toPrecision(3)} us`;
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function shownPath(dir: string): string {
  const near = relative(process.cwd(), dir);
  return quoteName(near === "" || near.startsWith("..") || isAbsolute(near) ? dir : near);
}
