import { resolve } from "node:path";
import type { RunIssue } from "../run-issue.js";
import type { RunRecord } from "../run-record.js";
import { drive } from "./internal/drive.js";
import { loadEvidence, loadMetrics } from "./internal/load-run.js";
import { issue } from "./internal/read-files.js";

/** What a run directory holds, or every issue that keeps it from being used. */
export type ReadRun =
  | {
      readonly status: "ok";
      readonly record: RunRecord;
      /** Whether the last line of `samples.jsonl` was cut off by a kill; that step is not in the record. */
      readonly torn_last_line: boolean;
    }
  | { readonly status: "invalid"; readonly issues: readonly RunIssue[] };

/**
 * Reads a run directory strictly: the header, the environment, every sample and the outcome, all checked
 * against each other's workload. Bad content is returned as issues with artifact, line and field; nothing is
 * thrown. Samples are read piece by piece, at most 1,000,000 of them, lines of at most 64 KiB; other artifacts
 * up to 16 MiB. The only thing forgiven is a last sample line that was cut off.
 */
export async function readRun(dir: string): Promise<ReadRun> {
  const path = resolve(dir);
  const evidence = await drive(loadEvidence(path));
  const issues: RunIssue[] = [...evidence.issues];
  const outcome = loadMetrics(path, issues)?.outcome ?? null;
  const { header, env, samples, torn_last_line } = evidence;
  if (issues.some(({ artifact, code }) => artifact === "metrics.json" && code === "missing")) {
    issues.push(issue("metrics.json", "missing", "the run was never finished; completeRun finishes it"));
  }
  if (issues.length > 0 || header === null || env === null || outcome === null) return { status: "invalid", issues };
  return { status: "ok", record: { header, env, samples, outcome }, torn_last_line };
}
