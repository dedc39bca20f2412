import { createHash } from "node:crypto";
import { computeWorkloadDigest, computeWorkloadId } from "@vrx/workload-schema";
import { readEnv } from "../../env-document.js";
import type { EnvFacts } from "../../env-facts.js";
import { canonicalJson, isJson } from "../../json.js";
import type { EvidenceDigests } from "../../metrics-document.js";
import { readOutcome } from "../../outcome-document.js";
import { readRunCommand } from "../../run-command.js";
import type { RunHeader } from "../../run-header.js";
import type { ArtifactName, RunIssue } from "../../run-issue.js";
import type { RunOutcome } from "../../run-outcome.js";
import type { StepSample } from "../../step-sample.js";
import { fieldIssues, issue, readSamples, readText } from "./read-files.js";

/** Deeper than any artifact of ours by far, and shallow enough for what walks it. */
const MAX_DEPTH = 1000;

/** What a run directory holds before it is finished, and what keeps it from being used. */
export interface LoadedEvidence {
  readonly header: RunHeader | null;
  readonly env: EnvFacts | null;
  readonly samples: readonly StepSample[];
  readonly torn_last_line: boolean;
  readonly digests: EvidenceDigests | null;
  readonly issues: readonly RunIssue[];
}

/** Reads `run_cmd.txt`, `env.json` and `samples.jsonl`. */
export function* loadEvidence(dir: string): Generator<undefined, LoadedEvidence> {
  const issues: RunIssue[] = [];
  const command = readJson(dir, "run_cmd.txt", issues);
  const header = command === null ? null : readHeader(command.json, issues);
  const environment = readJson(dir, "env.json", issues);
  const env = environment === null ? null : readEnvironment(environment.json, header, issues);
  const read = header === null ? null : yield* readSamples(dir, header.workload_digest);
  issues.push(...(read?.issues ?? []));
  const digests =
    command === null || environment === null || typeof read?.sha256 !== "string"
      ? null
      : { "env.json": environment.sha256, "run_cmd.txt": command.sha256, "samples.jsonl": read.sha256 };
  return { header, env, samples: read?.samples ?? [], torn_last_line: read?.torn_last_line ?? false, digests, issues };
}

/** The outcome out of `metrics.json`, and all of that artifact; null with issues when it is not to be had. */
export function loadMetrics(
  dir: string,
  issues: RunIssue[],
): { readonly json: Readonly<Record<string, unknown>>; readonly outcome: RunOutcome | null } | null {
  const read = readJson(dir, "metrics.json", issues);
  if (read === null) return null;
  const { json } = read;
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    issues.push(issue("metrics.json", "bad_field", "expected an object"));
    return null;
  }
  const fields: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(json));
  const outcome = readOutcome(fields["outcome"], "/outcome");
  if (outcome.status === "ok") return { json: fields, outcome: outcome.outcome };
  issues.push(...fieldIssues("metrics.json", outcome.issues));
  return { json: fields, outcome: null };
}

/** An artifact as JSON; null, and an issue more, when it cannot be read. */
export function readJson(
  dir: string,
  artifact: ArtifactName,
  issues: RunIssue[],
): { readonly json: unknown; readonly sha256: string } | null {
  const read = readText(dir, artifact);
  if (read.status === "invalid") {
    issues.push(read.issue);
    return null;
  }
  try {
    const json: unknown = JSON.parse(read.text);
    if (isJson(json, MAX_DEPTH)) return { json, sha256: read.sha256 };
    const message = `a number beyond what a double can hold, or more than ${MAX_DEPTH} levels`;
    issues.push(issue(artifact, "not_json", message));
    return null;
  } catch (error) {
    issues.push(issue(artifact, "not_json", error instanceof Error ? error.message : "it is not JSON"));
    return null;
  }
}

/** The SHA-256 of run options: over their canonical JSON. */
export function digestOf(value: Parameters<typeof canonicalJson>[0]): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

/** `<workload_id>__E<out_dim>__<precision>_amp<0|1>`, as the contract's tool names a probe. */
export function probeId(header: Pick<RunHeader, "workload_id" | "out_dim" | "precision" | "amp">): string {
  return `${header.workload_id}__E${header.out_dim}__${header.precision}_amp${header.amp ? 1 : 0}`;
}

/** A header whose ids are not those of its own content belongs to no workload. */
function readHeader(json: unknown, issues: RunIssue[]): RunHeader | null {
  const read = readRunCommand(json);
  if (read.status === "invalid") {
    issues.push(...fieldIssues("run_cmd.txt", read.issues));
    return null;
  }
  const { header } = read;
  const claims: readonly (readonly [string, string, string])[] = [
    ["workload_digest", header.workload_digest, computeWorkloadDigest(header.workload)],
    ["workload_id", header.workload_id, computeWorkloadId(header.workload)],
    ["precision", header.precision, header.workload.ant_spec.precision],
    ["run_options_digest", header.run_options_digest, digestOf(header.run_options)],
    ["probe_id", header.probe_id, probeId(header)],
  ];
  for (const [field, found, expected] of claims) {
    if (found === expected) continue;
    const what = `/${field}: expected ${expected}, as its own content gives it, found ${found}`;
    issues.push(issue("run_cmd.txt", "workload_mismatch", what, null, `/${field}`));
  }
  return header;
}

function readEnvironment(json: unknown, header: RunHeader | null, issues: RunIssue[]): EnvFacts | null {
  const read = readEnv(json);
  if (read.status === "invalid") {
    issues.push(...fieldIssues("env.json", read.issues));
    return null;
  }
  if (header !== null && read.workload_digest !== header.workload_digest) {
    issues.push(issue("env.json", "workload_mismatch", "it is of another workload", null, "/workload_digest"));
  }
  return read.env;
}
