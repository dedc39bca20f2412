import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Contract } from "../contract.js";
import { contractOf } from "../contract-of.js";
import { ObjectiveContractError } from "../errors.js";
import { issueList } from "../internal/fields.js";
import type { Verdict } from "../judge.js";
import { metricsCsv } from "../metrics-csv.js";
import { metricsDocument } from "../metrics-document.js";
import { outcomeDocument, readOutcome } from "../outcome-document.js";
import { redactText } from "../redact.js";
import { type RunOutcome, runOutcome } from "../run-outcome.js";
import type { RunRecord } from "../run-record.js";
import { summaryMarkdown } from "../summary.js";
import { judgeRead } from "../unusable-verdict.js";
import { removeTemporaries, writeFileAtomic } from "./internal/atomic-file.js";
import { completeArtifacts, unusable } from "./internal/complete-artifacts.js";
import { drive } from "./internal/drive.js";
import { loadEvidence, loadMetrics } from "./internal/load-run.js";

/** Why a run is completed by somebody else, and what is known of how it ended. */
export type CompletionCause = Pick<RunOutcome, "stop_reason"> & {
  readonly status: "interrupted" | "stalled" | "failed";
} & Partial<Omit<RunOutcome, "status" | "stop_reason" | "completed_by">>;

/** A run directory with all its artifacts. */
export interface CompletedRun {
  /** `already_complete` when `metrics.json` was there; then nothing but missing copies of it was written. */
  readonly status: "completed_now" | "already_complete";
  readonly record: RunRecord;
  readonly verdict: Verdict;
}

/**
 * Completes a run directory whose process is gone (killed, crashed, lost power) from what is on disk: the
 * verdict and its artifacts, with `why` as the outcome. Call it when the process is dead. Doing it again
 * changes nothing. Throws `run_unusable` when the run has no header or environment, `invalid_outcome`, `write_failed`.
 */
export async function completeRun(
  dir: string,
  why: CompletionCause,
  options: { readonly contracts?: readonly Contract[] } = {},
): Promise<CompletedRun> {
  const path = resolve(dir);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new ObjectiveContractError("run_unusable", `${path} is no run directory.`);
  }
  removeTemporaries(path);
  if (statSync(join(path, "metrics.json"), { throwIfNoEntry: false }) !== undefined) {
    return await repair(path, options.contracts ?? []);
  }
  const { exception = null } = why;
  const outcome = runOutcome({
    ...why,
    stop_reason: redactText(why.stop_reason),
    exception: exception && { type: redactText(exception.type), message: redactText(exception.message).slice(0, 4096) },
    completed_by: "supervisor",
  });
  const read = readOutcome(outcomeDocument(outcome));
  if (read.status === "invalid") {
    throw new ObjectiveContractError("invalid_outcome", `This is no outcome of a run: ${issueList(read.issues)}.`);
  }
  const completed = await drive(completeArtifacts(path, outcome));
  if (completed.status === "already") return await repair(path, options.contracts ?? []);
  return { status: "completed_now", record: completed.record, verdict: completed.verdict };
}

/** Writes the copies of `metrics.json` that a kill between them left out. */
async function repair(dir: string, contracts: readonly Contract[]): Promise<CompletedRun> {
  const evidence = await drive(loadEvidence(dir));
  const issues = [...evidence.issues];
  const outcome = loadMetrics(dir, issues)?.outcome ?? null;
  const { header, env, samples } = evidence;
  if (header === null || env === null || outcome === null) throw unusable(dir, issues);
  const record: RunRecord = { header, env, samples, outcome };
  const verdict = judgeRead(record, contractOf(header, outcome, contracts), evidence.issues);
  const metrics = metricsDocument(record, verdict, evidence.digests);
  if (isAbsent(dir, "metrics.csv")) writeFileAtomic(dir, "metrics.csv", metricsCsv(metrics));
  if (isAbsent(dir, "summary.md")) writeFileAtomic(dir, "summary.md", summaryMarkdown(record, verdict));
  return { status: "already_complete", record, verdict };
}

function isAbsent(dir: string, name: string): boolean {
  return statSync(join(dir, name), { throwIfNoEntry: false }) === undefined;
}
