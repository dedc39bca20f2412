import { contractOf } from "../../contract-of.js";
import type { Contract } from "../../contract.js";
import { envDocument } from "../../env-document.js";
import { ObjectiveContractError } from "../../errors.js";
import { executedOf, withExecuted } from "../../executed-env.js";
import { prettyJson } from "../../json.js";
import type { Verdict } from "../../judge.js";
import { metricsCsv } from "../../metrics-csv.js";
import { metricsDocument } from "../../metrics-document.js";
import type { RunIssue } from "../../run-issue.js";
import type { RunOutcome } from "../../run-outcome.js";
import type { RunRecord } from "../../run-record.js";
import { summaryMarkdown } from "../../summary.js";
import { judgeRead } from "../../unusable-verdict.js";
import { writeFileAtomic } from "./atomic-file.js";
import { type LoadedEvidence, loadEvidence } from "./load-run.js";

/** What completing a run gives: `already` when somebody else had completed it before. */
export interface Completed {
  readonly status: "completed" | "already";
  readonly record: RunRecord;
  readonly verdict: Verdict;
}

/**
 * Completes a run from what is on disk: judges it and writes `metrics.json`, `metrics.csv` and `summary.md`.
 * `metrics.json` is the point of no return: it is created exclusively, so that of several that try (the run,
 * its watchdog, another process) one completes it. Throws `run_unusable` without a header and `write_failed`.
 */
export function* completeArtifacts(
  dir: string,
  outcome: RunOutcome,
  contracts: readonly Contract[] = [],
): Generator<undefined, Completed> {
  const evidence = yield* loadEvidence(dir);
  const { header, env } = evidence;
  if (header === null || env === null) throw unusable(dir, evidence.issues);
  const known = withExecuted(env, outcome);
  const first = evidence.samples[0];
  const whole: RunOutcome = {
    ...outcome,
    executed: outcome.executed ?? executedOf(env),
    device: outcome.device ?? env.executed_device,
    step_time_mode: outcome.step_time_mode ?? env.executed_step_time_mode,
    set_up_s: outcome.set_up_s ?? (first === undefined ? null : Math.max(0, first.end_s - first.time_s)),
  };
  let current: LoadedEvidence = evidence;
  if (known !== env) {
    writeFileAtomic(dir, "env.json", prettyJson(envDocument(known, header)));
    current = yield* loadEvidence(dir);
  }
  const record: RunRecord = { header, env: known, samples: current.samples, outcome: whole };
  const verdict = judgeRead(record, contractOf(header, whole, contracts), current.issues);
  const metrics = metricsDocument(record, verdict, current.digests);
  const placed = writeFileAtomic(dir, "metrics.json", prettyJson(metrics), { exclusive: true });
  if (!placed) return { status: "already", record, verdict };
  writeFileAtomic(dir, "metrics.csv", metricsCsv(metrics));
  writeFileAtomic(dir, "summary.md", summaryMarkdown(record, verdict));
  return { status: "completed", record, verdict };
}

/** A directory without a usable header or environment cannot be completed. */
export function unusable(dir: string, issues: readonly RunIssue[]): ObjectiveContractError {
  const what = issues.map(({ message }) => message).join("; ");
  return new ObjectiveContractError("run_unusable", `${dir} holds no run that can be used: ${what}.`, {
    details: { dir, issues },
  });
}
