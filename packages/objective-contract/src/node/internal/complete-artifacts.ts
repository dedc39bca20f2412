import { contractOf } from "../../contract-of.js";
import type { Contract } from "../../contract.js";
import { envDocument } from "../../env-document.js";
import type { EnvFacts } from "../../env-facts.js";
import { ObjectiveContractError } from "../../errors.js";
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

/** Facts of `env.json` that only the workload knows, such as the libraries inside a program; they win over what was found out from outside. */
export type ReportedEnv = Partial<
  Pick<EnvFacts, "tf32" | "gpu_name" | "total_vram_bytes" | "torch_version" | "python_version" | "cuda_version">
>;

/** The facts of `env.json` with what is known of the execution; the same object when nothing is new. */
export function withExecuted(
  env: EnvFacts,
  facts: Pick<RunOutcome, "executed" | "device" | "step_time_mode"> & ReportedEnv,
): EnvFacts {
  const { executed, device, step_time_mode } = facts;
  const next: EnvFacts = {
    ...env,
    executed_precision: executed?.precision ?? env.executed_precision,
    executed_amp: executed === null ? env.executed_amp : executed.amp ? 1 : 0,
    executed_device: device ?? env.executed_device,
    executed_step_time_mode: step_time_mode ?? env.executed_step_time_mode,
    tf32: facts.tf32 ?? env.tf32,
    gpu_name: facts.gpu_name ?? env.gpu_name,
    total_vram_bytes: facts.total_vram_bytes ?? env.total_vram_bytes,
    torch_version: facts.torch_version ?? env.torch_version,
    python_version: facts.python_version ?? env.python_version,
    cuda_version: facts.cuda_version ?? env.cuda_version,
  };
  const answers: ReadonlyMap<string, unknown> = new Map(Object.entries(next));
  const reasons = Object.fromEntries(
    Object.entries(env.reasons).filter(([key]) => (answers.get(key) ?? null) === null),
  );
  const whole = { ...next, reasons };
  return JSON.stringify(whole) === JSON.stringify(env) ? env : whole;
}

/** The executed precision as `env.json` has it. */
export function executedOf(env: EnvFacts): RunOutcome["executed"] {
  const { executed_precision: precision, executed_amp: amp } = env;
  return precision === null || amp === null ? null : { precision, amp: amp === 1 };
}

/** A directory without a usable header or environment cannot be completed. */
export function unusable(dir: string, issues: readonly RunIssue[]): ObjectiveContractError {
  const what = issues.map(({ message }) => message).join("; ");
  return new ObjectiveContractError("run_unusable", `${dir} holds no run that can be used: ${what}.`, {
    details: { dir, issues },
  });
}
