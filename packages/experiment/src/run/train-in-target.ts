import { writeWhole } from "@vrx/ant-ratio/report";
import { openSamples } from "@vrx/harness";
import type { LoweredRun } from "@vrx/manifest";
import { join } from "node:path";
import { writeChart } from "../benchmark/charts.js";
import { sha256 } from "../data/files.js";
import { writeSafetensors } from "../data/safetensors.js";
import { ExperimentError, isExperimentError } from "../errors.js";
import type { StateDict } from "../system/weights.js";
import { type TrainingResult, batchSize, finishedRun, runTraining } from "../train/run-training.js";
import { type Verification, endsTarget } from "../verify/verify-run.js";
import { ContractRecord } from "./contract-record.js";
import { canonical } from "./experiment-record.js";
import { safeName } from "./folders.js";
import { RunLog } from "./run-log.js";
import { stateDigest } from "./state-digest.js";
import type { TargetContext } from "./target-context.js";
import { type RunReport, runReport } from "./target-report.js";
import { verifyTrained } from "./trained-models.js";
import { openWandbLog } from "./wandb-log.js";

/** What a run left. */
export interface TrainedRun {
  readonly report: RunReport;
  readonly result: TrainingResult;
  /** What the run missed that it was held to, in sentences. */
  readonly failures: readonly string[];
  /** Whether nothing more is to be run after it. */
  readonly endsHere: boolean;
}

/**
 * Trains one run of a target, from the weights that the run before it left, and verifies it; everything it leaves is
 * below `DIR/runs/ID`. With `isBehind`, a later run waits to be gone on with: then a run that is done is not trained again,
 * unless its `skip_if_final` is false. Rejects where it cannot be run, and with `not_finite` where it came to nothing.
 */
export async function trainInTarget(
  context: TargetContext,
  run: LoweredRun,
  state: StateDict | undefined,
  { isBehind = false }: { readonly isBehind?: boolean } = {},
): Promise<TrainedRun> {
  const { target, dir, settings } = context;
  if (run.train.phase !== "standard") {
    throw new ExperimentError(
      "unsupported",
      `run ${run.id}: phase ${run.train.phase} needs trainer.upcycle, which cannot run yet`,
    );
  }
  const folder = join(dir, "runs", safeName(run.id));
  const { result, curve, contract_verdict } = await trainRecorded(context, run, state, folder, isBehind);
  await writeWhole(join(folder, "model.safetensors"), writeSafetensors(result.weights, { format: "pt" }));
  if (curve.length > 1) {
    await writeChart(folder, "training", {
      title: `${target.name}, ${run.id}`,
      x: "step",
      y: "loss",
      kind: "lines",
      points: curve,
    });
  }
  const failures: string[] = [];
  let verification: Verification | null = null;
  if (result.reason !== "interrupted" && run.verify !== null) {
    try {
      verification = await verifyTrained(context, run, result, state ?? result.initial);
    } catch (error) {
      // What cannot be checked has not passed; the run itself is kept.
      if (!isExperimentError(error)) throw error;
      failures.push(`run ${run.id}: ${run.verify.type} could not be checked: ${error.message}`);
    }
  }
  if (verification !== null) {
    await writeWhole(join(dir, `verify_${safeName(run.id)}.json`), `${JSON.stringify(verification, null, 2)}\n`);
    context.options.onEvent?.({ kind: "verified", verification });
  }
  const report = runReport(run, result, verification, contract_verdict, settings.isTrainable);
  const ends = verification !== null && endsTarget(verification);
  failures.push(...missed(report, ends));
  return { report, result, failures, endsHere: ends };
}

/** What a run was held to and did not reach. */
function missed({ id, expected, verification }: RunReport, gate: boolean): string[] {
  const failures = expected.flatMap(({ key, expected: wanted, found, met }) =>
    met ? [] : [`run ${id}: expected ${key} ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`],
  );
  for (const { metric, value, limit, passed, rule } of gate ? (verification?.checks ?? []) : []) {
    if (passed) continue;
    const how = rule === "at_most" ? "exceeded" : "is below its";
    failures.push(
      `run ${id}: ${verification?.type ?? "verify"} failed: ${metric} ${how} threshold: value=${value.toFixed(6)}, threshold=${limit.toFixed(6)}`,
    );
  }
  return failures;
}

/** Trains, with everything that is told of it: the log, the contract's record, samples for a sweep, W&B's files. */
async function trainRecorded(
  context: TargetContext,
  run: LoweredRun,
  state: StateDict | undefined,
  folder: string,
  isBehind: boolean,
): Promise<{
  readonly result: TrainingResult;
  readonly curve: readonly { readonly series: string; readonly x: number; readonly y: number }[];
  readonly contract_verdict: string;
}> {
  const { manifest, target, datasetOf, dir, engine, code, settings, checkpoint_dir, digest, options } = context;
  const dataset = datasetOf(run);
  const log = new RunLog(join(folder, "train.jsonl"), { run_id: run.id, phase: run.train.phase });
  const config_digest = sha256(
    canonical({
      digest,
      run: run.id,
      data: dataset.files.map((file) => file.sha256),
      code: code.files.map((file) => file.sha256),
      from: state === undefined ? null : stateDigest(state),
    }),
  );
  const mayKeep = isBehind && run.train.auto_resume && run.train.skip_if_final;
  const kept = mayKeep ? await finishedRun(checkpoint_dir, run, config_digest) : undefined;
  // Of a run that is not trained here, there are no steps to judge.
  const contract =
    kept === undefined
      ? await ContractRecord.open(
          join(folder, "record"),
          run,
          batchSize(run.train) * run.train.gradient_accumulation_steps,
          { target: target.name, run: run.id, manifest_digest: digest },
          options.argv ?? process.argv.slice(2),
        )
      : null;
  const samples = openSamples();
  samples.hello({
    executed: { precision: "fp32", amp: false },
    device: { kind: "cpu", name: "cpu", simulated: false },
  });
  const wandb = openWandbLog(manifest, target, run, dir);
  const curve: { readonly series: string; readonly x: number; readonly y: number }[] = [];
  let done = 0;
  try {
    const result = await runTraining({
      engine,
      spec: { system: target.system, objective: target.objective, code },
      run,
      dataset,
      trainer: settings.standard,
      isTrainable: settings.isTrainable,
      metrics: target.metrics,
      checkpoint_dir,
      config_digest,
      ...(kept === undefined ? {} : { done: kept }),
      save_every: manifest.defaults.runtime.save_every,
      eval_every: manifest.defaults.logging.eval_iters,
      ...(state === undefined ? {} : { state }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onStep: (figures, time_s) => {
        contract?.step(figures, time_s);
        samples.step({ loss: figures["loss"] ?? null, time_s });
        done++;
        options.onEvent?.({ kind: "step", run_id: run.id, step: done, steps: run.steps, loss: figures["loss"] ?? NaN });
      },
      onEvent: (event) => {
        contract?.beat();
        log.write(event);
        if (event.type === "metrics" || event.type === "validation") {
          const { metrics } = event.data;
          wandb.history(event.step, metrics);
          const [series, key] = event.type === "metrics" ? ["training", "loss"] : ["held out", "val_loss"];
          if (metrics[key] !== undefined) curve.push({ series, x: event.step, y: metrics[key] });
        }
        options.onEvent?.({ kind: "training", run_id: run.id, steps: run.steps, event });
      },
    });
    const problem = wandb.end(result.figures, result.reason === "interrupted" ? 130 : 0);
    if (problem !== null) log.write({ type: "problem", step: result.steps, data: { wandb: problem } });
    const verdict = await contract?.finish(result.reason);
    return { result, curve, contract_verdict: verdict?.status ?? "not_repeated" };
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    log.write({ type: "problem", step: done, data: { error: error.message } });
    wandb.end({}, 1);
    await contract?.finish(error);
    throw error;
  }
}
