import { OBJECTIVE_V1 } from "../../contract.js";
import { EXPLOSION_FACTOR } from "../../gates.js";
import { type FieldIssue, Fields } from "../../internal/fields.js";
import { saysOutOfMemory } from "../../metrics.js";
import type { RunIssue } from "../../run-issue.js";
import { type DirectoryVerdict, unusableVerdict } from "../../unusable-verdict.js";
import { type Disagreement, type Recheck, believe, recordedVerdict } from "../recheck.js";
import { readJson } from "./load-run.js";
import { fieldIssues } from "./read-files.js";

/** The figures of a `metrics.json` that has no samples beside it. */
interface Figures {
  readonly batch_size: number;
  readonly seq_len: number;
  readonly measure_steps: number;
  readonly wall_s: number | null;
  readonly median_s: number | null;
  readonly p95_s: number | null;
  readonly samples_per_s: number | null;
  readonly tokens_per_s: number | null;
  readonly reserved: number | null;
  readonly had_oom: boolean;
  readonly had_nan: boolean;
  readonly had_inf: boolean;
  readonly stability_pass: boolean;
  readonly fail_reasons: readonly string[];
  readonly vram_guard_ratio: number;
  readonly stalled: boolean;
  readonly exception: string | null;
}

/**
 * Judges a directory of the contract's first tool, which keeps no samples: what its own figures show to have
 * failed fails; everything else stays inconclusive, since the steps behind the figures are missing.
 */
export function recheckMetricsOnly(dir: string): Recheck {
  const issues: RunIssue[] = [];
  const json = readJson(dir, "metrics.json", issues)?.json;
  const env = readJson(dir, "env.json", issues)?.json;
  const fields: FieldIssue[] = [];
  const figures = readFigures(new Fields(json, "", fields));
  issues.push(...fieldIssues("metrics.json", fields));
  const recorded = recordedVerdict(Object.fromEntries(Object.entries(json ?? {})));
  if (issues.length > 0) {
    const verdict = unusableVerdict(issues, OBJECTIVE_V1.name);
    return {
      form: "unusable",
      recorded,
      recomputed: verdict,
      disagreements: [],
      issues,
      torn_last_line: false,
      verdict,
    };
  }
  const failed = failedGates(figures, totalVram(env));
  const fail_reasons = OBJECTIVE_V1.gates
    .map((gate) => gate.name)
    .filter((name) => failed.has(name) || figures.fail_reasons.includes(name));
  const recomputed: DirectoryVerdict = {
    ...unusableVerdict([], OBJECTIVE_V1.name),
    status: fail_reasons.length > 0 ? "fail" : "inconclusive",
    fail_reasons,
    inconclusive_reasons: [
      { code: "samples_missing", message: "there is no samples.jsonl, so that no figure can be computed again" },
    ],
    evidence: { level: null, missing: ["samples.jsonl"] },
  };
  const disagreements = contradictions(figures, failed);
  return {
    form: "metrics_only",
    recorded,
    recomputed,
    disagreements,
    issues,
    torn_last_line: false,
    verdict: believe(recomputed, disagreements),
  };
}

function readFigures(fields: Fields): Figures {
  const time = (key: string): number | null => fields.nullable(key, (k) => fields.number(k, 0));
  return {
    batch_size: fields.integer("batch_size", 1),
    seq_len: fields.integer("seq_len", 1),
    measure_steps: fields.integer("measure_steps", 1),
    wall_s: time("measure_wall_time_s"),
    median_s: time("median_step_time_s"),
    p95_s: time("p95_step_time_s"),
    samples_per_s: time("throughput_samples_per_s"),
    tokens_per_s: time("throughput_tokens_per_s"),
    reserved: fields.nullable("peak_vram_reserved_bytes", (key) => fields.integer(key, 0)),
    had_oom: fields.boolean("had_oom"),
    had_nan: fields.boolean("had_nan"),
    had_inf: fields.boolean("had_inf"),
    stability_pass: fields.boolean("stability_pass"),
    fail_reasons: fields.strings("fail_reasons"),
    vram_guard_ratio: fields.has("vram_guard_ratio") ? fields.number("vram_guard_ratio", 0) : 0.92,
    stalled: fields.has("heartbeat_stall_detected") && fields.boolean("heartbeat_stall_detected"),
    exception: fields.has("runtime_exception_msg")
      ? fields.nullable("runtime_exception_msg", (key) => fields.string(key))
      : null,
  };
}

/** The gates that the figures themselves show to have failed. */
function failedGates(figures: Figures, total_vram: number | null): ReadonlySet<string> {
  const { median_s, p95_s, reserved, exception, vram_guard_ratio } = figures;
  const failed = new Set<string>();
  if (figures.had_nan || figures.had_inf) failed.add("nan_or_inf");
  if (median_s !== null && p95_s !== null && median_s > 0 && p95_s > EXPLOSION_FACTOR * median_s) {
    failed.add("step_time_explosion");
  }
  if (reserved !== null && total_vram !== null && reserved > Math.floor(vram_guard_ratio * total_vram)) {
    failed.add("vram_guard");
  }
  if (figures.stalled) failed.add("heartbeat_stall");
  if (exception !== null) failed.add("runtime_exception");
  if (figures.had_oom || (exception !== null && saysOutOfMemory(exception))) failed.add("oom");
  return failed;
}

/** Where the figures contradict each other; relations between doubles are held to 1e-9. */
function contradictions(figures: Figures, failed: ReadonlySet<string>): Disagreement[] {
  const found: Disagreement[] = [];
  const { wall_s, samples_per_s, tokens_per_s } = figures;
  const artifact = "metrics.json" as const;
  if (wall_s !== null && wall_s > 0 && samples_per_s !== null) {
    const computed = (figures.measure_steps * figures.batch_size) / wall_s;
    if (!close(samples_per_s, computed)) {
      found.push({ artifact, field: "throughput_samples_per_s", recorded: samples_per_s, recomputed: computed });
    }
  }
  if (samples_per_s !== null && tokens_per_s !== null && !close(tokens_per_s, samples_per_s * figures.seq_len)) {
    const computed = samples_per_s * figures.seq_len;
    found.push({ artifact, field: "throughput_tokens_per_s", recorded: tokens_per_s, recomputed: computed });
  }
  for (const gate of failed) {
    if (figures.fail_reasons.includes(gate)) continue;
    found.push({ artifact, field: "fail_reasons", recorded: figures.fail_reasons, recomputed: [gate] });
  }
  const stable = figures.fail_reasons.length === 0;
  if (figures.stability_pass !== stable) {
    found.push({ artifact, field: "stability_pass", recorded: figures.stability_pass, recomputed: stable });
  }
  return found;
}

function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

function totalVram(env: unknown): number | null {
  if (typeof env !== "object" || env === null || !("total_vram_bytes" in env)) return null;
  return typeof env.total_vram_bytes === "number" ? env.total_vram_bytes : null;
}
