import { resolve } from "node:path";
import type { Contract } from "../contract.js";
import { contractOf } from "../contract-of.js";
import { OBJECTIVE_V1 } from "../contract.js";
import { envDocument } from "../env-document.js";
import { executedOf } from "../executed-env.js";
import { type JsonObject, type JsonValue, canonicalJson, isJson } from "../json.js";
import { metricsCells, readMetricsCsv } from "../metrics-csv.js";
import { metricsDocument } from "../metrics-document.js";
import { outcomeDocument } from "../outcome-document.js";
import { runCommandDocument } from "../run-command.js";
import type { RunIssue } from "../run-issue.js";
import type { RunRecord } from "../run-record.js";
import { summaryMarkdown } from "../summary.js";
import { judgeRead, unusableVerdict } from "../unusable-verdict.js";
import { type Disagreement, type Recheck, believe, recordedVerdict } from "./recheck.js";
import { drive } from "./internal/drive.js";
import { loadEvidence, loadMetrics, readJson } from "./internal/load-run.js";
import { readText } from "./internal/read-files.js";
import { recheckMetricsOnly } from "./internal/recheck-metrics-only.js";

/**
 * Judges a run directory again from the samples alone, and lists every place where another artifact disagrees:
 * `metrics.json`, `metrics.csv`, the title and the tables of `summary.md`, the digests of the evidence. Never throws for
 * what it finds: unusable artifacts make the verdict `invalid`, with an issue each. Runs of contracts of one's
 * own need those in `contracts`.
 */
export async function recheckRun(
  dir: string,
  options: { readonly contracts?: readonly Contract[] } = {},
): Promise<Recheck> {
  const path = resolve(dir);
  if (isMetricsOnly(path)) return recheckMetricsOnly(path);
  const evidence = await drive(loadEvidence(path));
  const issues: RunIssue[] = [...evidence.issues];
  const metrics = loadMetrics(path, issues);
  const recorded = metrics === null ? null : recordedVerdict(metrics.json);
  const { header, env, samples, torn_last_line } = evidence;
  const outcome = metrics?.outcome ?? null;
  if (header === null || env === null || outcome === null) {
    const verdict = unusableVerdict(issues, header?.contract.name ?? OBJECTIVE_V1.name);
    return { form: "unusable", recorded, recomputed: verdict, disagreements: [], issues, torn_last_line, verdict };
  }
  const record: RunRecord = { header, env, samples, outcome };
  const recomputed = judgeRead(record, contractOf(header, outcome, options.contracts ?? []), issues);
  const expected = metricsDocument(record, recomputed, evidence.digests);
  const disagreements = [
    ...compareMetrics(metrics?.json ?? {}, expected),
    ...compareCsv(path, expected, issues),
    ...compareSummary(path, summaryMarkdown(record, recomputed), issues),
    ...compareEvidence(path, record),
  ];
  // Issues of the copies come up only here, and make the directory unusable like any other.
  const final =
    issues.length === evidence.issues.length
      ? recomputed
      : { ...recomputed, ...unusableVerdict(issues, header.contract.name), metrics: recomputed.metrics };
  return {
    form: issues.length > 0 ? "unusable" : "full",
    recorded,
    recomputed,
    disagreements,
    issues,
    torn_last_line,
    verdict: believe(final, disagreements),
  };
}

/** The first tool's directories have metrics of the contract's keys, and no samples. */
function isMetricsOnly(dir: string): boolean {
  const issues: RunIssue[] = [];
  const samples = readText(dir, "samples.jsonl");
  if (samples.status === "ok" || samples.issue.code !== "missing") return false;
  const metrics = readJson(dir, "metrics.json", issues)?.json;
  return typeof metrics === "object" && metrics !== null && "fail_reasons" in metrics && !("schema_version" in metrics);
}

function compareMetrics(recorded: Readonly<Record<string, unknown>>, expected: JsonObject): Disagreement[] {
  const keys = new Set([...Object.keys(expected), ...Object.keys(recorded)]);
  return [...keys].flatMap((field) => {
    const found = plain(Object.hasOwn(recorded, field) ? recorded[field] : undefined);
    const computed = plain(Object.hasOwn(expected, field) ? expected[field] : undefined);
    if (canonicalJson(found) === canonicalJson(computed)) return [];
    return [{ artifact: "metrics.json" as const, field, recorded: found, recomputed: computed }];
  });
}

function compareCsv(dir: string, expected: JsonObject, issues: RunIssue[]): Disagreement[] {
  const read = readText(dir, "metrics.csv");
  if (read.status === "invalid") {
    issues.push(read.issue);
    return [];
  }
  const recorded = readMetricsCsv(read.text);
  const artifact = "metrics.csv" as const;
  if (recorded === null)
    return [{ artifact, field: "", recorded: "not a table of one row", recomputed: "a table of one row" }];
  const cells = metricsCells(expected);
  return [...new Set([...cells.keys(), ...recorded.keys()])].flatMap((field) => {
    const found = recorded.get(field) ?? null;
    const computed = cells.get(field) ?? null;
    return found === computed ? [] : [{ artifact, field, recorded: found, recomputed: computed }];
  });
}

/** The title and the tables; around them anybody may write what they like. */
function compareSummary(dir: string, expected: string, issues: RunIssue[]): Disagreement[] {
  const read = readText(dir, "summary.md");
  if (read.status === "invalid") {
    issues.push(read.issue);
    return [];
  }
  const recorded = summaryClaims(read.text);
  const computed = summaryClaims(expected);
  return [...new Set([...computed.keys(), ...recorded.keys()])].flatMap((field) => {
    const found = recorded.get(field) ?? null;
    const claim = computed.get(field) ?? null;
    return found === claim ? [] : [{ artifact: "summary.md" as const, field, recorded: found, recomputed: claim }];
  });
}

/** What a summary claims: its title, and each row of its tables under the row's first cell. */
function summaryClaims(text: string): ReadonlyMap<string, string> {
  const claims = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, title, name, rest] = /^(?:# (.*)|\| (.*?) \| (.*) \|)$/.exec(line) ?? [];
    const field = title === undefined ? name : "title";
    if (field === undefined) continue;
    const before = claims.get(field);
    // A row that is there twice says two things.
    claims.set(field, [...(before === undefined ? [] : [before]), title ?? rest ?? ""].join("; "));
  }
  return claims;
}

/** What `run_cmd.txt` and `env.json` say twice, they must say alike. */
function compareEvidence(dir: string, { header, env, outcome }: RunRecord): Disagreement[] {
  const differences: Disagreement[] = [];
  const command = readJson(dir, "run_cmd.txt", [])?.json;
  const resolved =
    typeof command === "object" && command !== null && "resolved_spec" in command ? command.resolved_spec : null;
  const canonical = runCommandDocument(header)["canonical_spec"] ?? null;
  if (canonicalJson(plain(resolved)) !== canonicalJson(canonical)) {
    differences.push({
      artifact: "run_cmd.txt",
      field: "resolved_spec",
      recorded: plain(resolved),
      recomputed: canonical,
    });
  }
  const { executed, device, step_time_mode } = outcomeDocument(outcome);
  const executions: readonly (readonly [string, JsonValue, JsonValue])[] = [
    ["executed_precision", plain(executedOf(env)), executed ?? null],
    ["executed_device", plain(env.executed_device), device ?? null],
    ["executed_step_time_mode", env.executed_step_time_mode, step_time_mode ?? null],
  ];
  for (const [field, recorded, recomputed] of executions) {
    if (canonicalJson(recorded) === canonicalJson(recomputed)) continue;
    differences.push({ artifact: "env.json", field, recorded, recomputed });
  }
  const probe = plain(envDocument(env, header)["probe_id"]);
  const said = readJson(dir, "env.json", [])?.json;
  const recorded = plain(typeof said === "object" && said !== null && "probe_id" in said ? said.probe_id : null);
  if (recorded !== probe) differences.push({ artifact: "env.json", field: "probe_id", recorded, recomputed: probe });
  return differences;
}

/** A value out of an artifact as JSON; what is nested too deep to compare is shown as such. */
function plain(value: unknown): JsonValue {
  if (value === undefined) return null;
  return isJson(value, 96) ? value : "(nested too deep)";
}
