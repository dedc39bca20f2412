import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Verdict } from "@vrx/objective-contract";
import { createEngine, isRingEngineError } from "@vrx/ring-engine";
import { runCapability } from "../capability/run-capability.js";
import { commandWorkload } from "../command/command-workload.js";
import { HarnessError } from "../errors.js";
import { probe } from "../probe.js";
import { ringProcess } from "../ring/ring-process.js";
import { RUN_FOLDER } from "../store/result-files.js";
import type { Workload } from "../workload.js";
import { runCapabilityProgram } from "./run-capability-program.js";
import type { CapabilityPlan, ProbePlan, Runner, TrialPlan } from "./trial.js";
import type { PublishedStatus, TrialResult } from "./trial-result.js";

/** How a trial ended and the figures worth having without opening its artifacts. */
export interface TrialOutcome {
  readonly status: PublishedStatus;
  readonly reasons: readonly string[];
  readonly simulated: boolean;
  readonly figures: TrialResult["figures"];
}

export interface RunTrialOptions {
  /** Where the artifacts go: `run/` for a probe, `report.json` for a capability run. */
  readonly folder: string;
  /** Where training keeps its checkpoint, so that another attempt goes on from it. */
  readonly checkpoint?: string;
  readonly signal?: AbortSignal;
}

async function workloadOf(runner: Runner): Promise<Workload> {
  if (runner.kind === "ring") {
    return ringProcess(await createEngine(runner.engine, runner.engine_options), runner.options);
  }
  const [command, ...rest] = runner.argv;
  if (command === undefined) throw new HarnessError("invalid_argument", "argv: expected a program, found nothing");
  return commandWorkload({ argv: [command, ...rest], env: runner.env });
}

/** A verdict as the status of a trial: out of memory and throttling have names of their own. */
function statusOf(verdict: Verdict): PublishedStatus {
  if (verdict.metrics.had_oom) return "oom";
  if (verdict.status === "pass") return "passed";
  if (verdict.status === "fail") return "failed";
  const slowed = verdict.invalid_reasons.some(({ code }) => code === "throttled" || code === "clocks_below_baseline");
  return slowed ? "throttled" : verdict.status;
}

async function runProbe(plan: ProbePlan, { folder, signal }: RunTrialOptions): Promise<TrialOutcome> {
  const { verdict, outcome } = await probe(await workloadOf(plan.runner), plan.workload, {
    out: join(folder, RUN_FOLDER),
    heads: plan.heads,
    seed: plan.seed,
    warmup_steps: plan.warmup_steps,
    measure_steps: plan.measure_steps,
    argv: ["vrx", "trial"],
    ...(plan.amp === null ? {} : { amp: plan.amp }),
    ...(plan.vram_guard_ratio === null ? {} : { vram_guard_ratio: plan.vram_guard_ratio }),
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  const { metrics } = verdict;
  const peak = metrics.peak_rss_bytes;
  const budget = plan.memory_budget_bytes;
  const why = [
    ...verdict.fail_reasons,
    ...[...verdict.invalid_reasons, ...verdict.inconclusive_reasons].map(reasonText),
  ];
  return {
    status: statusOf(verdict),
    reasons: verdict.status === "pass" ? [] : why,
    simulated: outcome.device?.simulated ?? false,
    figures: {
      verdict: verdict.status,
      throughput_tokens_per_s: metrics.throughput_tokens_per_s,
      median_step_time_s: metrics.median_step_time_s,
      peak_rss_bytes: peak,
      peak_vram_reserved_bytes: metrics.peak_vram_reserved_bytes,
      ...(budget === null || peak === null ? {} : { memory_budget_ratio: peak / budget, memory_budget_bytes: budget }),
    },
  };
}

function reasonText(reason: { readonly code: string; readonly message?: string }): string {
  return reason.message ?? reason.code;
}

async function runCapabilityPlan(plan: CapabilityPlan, options: RunTrialOptions): Promise<TrialOutcome> {
  const outcome =
    plan.runner.kind === "ring" ? await runCapability(plan, options) : await runCapabilityProgram(plan, options);
  if (outcome.status === "evaluated") {
    const { eval: evaluated, train, engine } = outcome.report;
    const { simulated } = engine;
    return {
      status: simulated ? "invalid" : "passed",
      reasons: simulated ? [`the ${engine.kind} engine ran on a simulated device`] : [],
      simulated,
      figures: {
        eval_acc: evaluated.eval_acc,
        eval_n: evaluated.eval_n,
        steps: train.steps,
        ring_tokens: train.ring_tokens,
      },
    };
  }
  const reasons =
    outcome.status === "diverged" ? [`the loss was ${outcome.loss} after step ${outcome.step}`] : outcome.reasons;
  return { status: "failed", reasons, simulated: false, figures: {} };
}

/**
 * Runs one plan into a folder, in this process. Resolves however the trial ends; a failure is a status with reasons.
 * Rejects with the signal's reason when it is aborted, and where nothing is learnt of the configuration: the artifacts
 * cannot be written, or this host does not have its engine.
 */
export async function runTrial(plan: TrialPlan, options: RunTrialOptions): Promise<TrialOutcome> {
  await mkdir(options.folder, { recursive: true });
  try {
    return plan.kind === "probe" ? await runProbe(plan, options) : await runCapabilityPlan(plan, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    if (["ENOSPC", "EDQUOT", "EIO", "EROFS", "write_failed", "engine_unavailable"].includes(code ?? "")) throw error;
    const oom = isRingEngineError(error) && error.code === "out_of_memory";
    return { status: oom ? "oom" : "failed", reasons: [message], simulated: false, figures: {} };
  }
}
