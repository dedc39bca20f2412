import { writeWhole } from "@vrx/ant-ratio/report";
import { openSamples } from "@vrx/harness";
import type { LoweredExperimentTarget, LoweredManifest, LoweredRun } from "@vrx/manifest";
import type { Verdict } from "@vrx/objective-contract";
import { mkdir, readdir } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { type BenchmarkResults, runBenchmarks } from "../benchmark/run-benchmarks.js";
import { writeChart } from "../benchmark/charts.js";
import type { Dataset } from "../data/dataset.js";
import { writeSafetensors } from "../data/safetensors.js";
import { sha256 } from "../data/files.js";
import { openDataset } from "../data/open-dataset.js";
import type { Engine } from "../engine/engine.js";
import { openJaxEngine } from "../engine/jax-engine.js";
import { ExperimentError } from "../errors.js";
import type { ParameterSpec } from "../layers/initial.js";
import type { StateDict } from "../system/weights.js";
import { readWeights } from "../train/checkpoint.js";
import { type TrainingEvent, type TrainingResult, batchSize, runTraining } from "../train/run-training.js";
import { ModelRunner } from "../verify/model-runner.js";
import { type Verification, endsTarget, verifyRun } from "../verify/verify-run.js";
import { ContractRecord } from "./contract-record.js";
import {
  EXPERIMENT_SCHEMA,
  type ExperimentRecord,
  canonical,
  surroundings,
  targetDigest,
} from "./experiment-record.js";
import { type ExpectationResult, checkExpected } from "./expectations.js";
import { loadCustomCode } from "./load-custom-code.js";
import { fallbackRecipes } from "./fallback-recipes.js";
import { RunLog } from "./run-log.js";
import { evalTokenizer } from "./eval-tokenizer.js";
import { WandbFile } from "./wandb-file.js";

/** How an experiment is run. */
export interface RunTargetOptions {
  /** Relative paths of the manifest are relative to this folder; the current one by default. */
  readonly root?: string;
  /** The folder of this experiment's artifacts; by default `ARTIFACTS_DIR/NAME/TARGET/TIME`. */
  readonly out?: string;
  /** The folder of checkpoints; by default `runs/NAME/TARGET` under `root`. */
  readonly checkpoint_dir?: string;
  /** The manifest's file, for the record. */
  readonly manifest_path?: string;
  /** Whether data without a recipe of its own is generated where it is not there. */
  readonly generate_data?: boolean;
  readonly engine?: Engine;
  readonly signal?: AbortSignal;
  readonly argv?: readonly string[];
  readonly onEvent?: (event: TargetEvent) => void;
}

/** What happens while a target runs. */
export type TargetEvent =
  | { readonly kind: "training"; readonly run_id: string; readonly steps: number; readonly event: TrainingEvent }
  | {
      readonly kind: "step";
      readonly run_id: string;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
    }
  | { readonly kind: "verified"; readonly verification: Verification }
  | { readonly kind: "benchmark"; readonly text: string };

/** What a run came to, as it is in `report.json`. */
export interface RunReport {
  readonly id: string;
  readonly exp: string;
  readonly seed: number;
  readonly phase: string;
  readonly steps: number;
  readonly stop_reason: string;
  readonly resumed_from: number | null;
  readonly parameters: number;
  readonly trained_parameters: number;
  /** Figures of the last step. */
  readonly train: Readonly<Record<string, number>>;
  /** Figures on held-out data; null where nothing is held out. */
  readonly validation: Readonly<Record<string, number>> | null;
  /** For generated data: what the best possible model reaches, what a guess does, and how the result compares. */
  readonly reference: {
    readonly floor: number;
    readonly guessing: number;
    readonly result: number;
    readonly ratio_to_floor: number;
    readonly best_accuracy: number | null;
    readonly guessing_accuracy: number | null;
    readonly accuracy: number | null;
  } | null;
  readonly expected: readonly ExpectationResult[];
  readonly verification: Verification | null;
  readonly contract_verdict: string;
  readonly weights_sha256: string;
}

/** What a target came to. */
export interface TargetReport {
  readonly status: "completed" | "failed" | "interrupted";
  /** Why it failed, in sentences. */
  readonly failures: readonly string[];
  readonly dir: string;
  readonly target: string;
  readonly manifest_digest: string;
  readonly engine: { readonly name: string; readonly version: string; readonly device: string };
  readonly runs: readonly RunReport[];
  readonly benchmarks: BenchmarkResults["outcomes"];
  readonly absent_models: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

/**
 * Runs an experiment of a lowered manifest from its data to its tables, and leaves a directory that says what ran and
 * what came out. Throws where it cannot be run; a run that misses what it was held to is in the report, with `failed`.
 */
export async function runTarget(
  manifest: LoweredManifest,
  target: LoweredExperimentTarget,
  options: RunTargetOptions = {},
): Promise<TargetReport> {
  if (target.backend !== "jax") {
    throw new ExperimentError(
      "unsupported",
      `${target.name}: backend ${target.backend} needs a worker, and there is none here: --backend jax runs it on the embedded engine`,
    );
  }
  const { trainer } = target;
  if (trainer.impl !== null || (trainer.ref !== "trainer.standard" && trainer.ref !== "trainer.gradient_isolation")) {
    throw new ExperimentError("unsupported", `${target.name}: ${trainer.ref} cannot run yet; trainer.standard can`);
  }
  const root = resolve(options.root ?? ".");
  const at = (path: string): string => (isAbsolute(path) ? path : resolve(root, path));
  const name = manifest.name ?? "experiment";
  const dir =
    options.out === undefined
      ? await freshFolder(join(at(manifest.artifacts_dir), safe(name), safe(target.name)))
      : resolve(options.out);
  if ((await readdir(dir).catch(() => [])).length > 0) {
    throw new ExperimentError(
      "invalid_argument",
      `${dir}: expected an empty folder, or none: results are never overwritten`,
    );
  }
  const checkpoint_dir =
    options.checkpoint_dir ??
    (trainer.config.checkpoint_dir === null
      ? join(root, "runs", safe(name), safe(target.name))
      : at(trainer.config.checkpoint_dir));
  const engine = options.engine ?? (await openJaxEngine());
  const dataset = await openDataset(target.data, {
    root,
    val_frac: manifest.defaults.data.val_frac,
    ...(options.generate_data === true ? { fallback: fallbackRecipes(target) } : {}),
  });
  const code = await loadCustomCode(target, root);
  const digest = targetDigest(manifest, target.name);
  await mkdir(dir, { recursive: true });
  const { name: engineName, version, device } = engine;
  const record: ExperimentRecord = {
    schema_version: EXPERIMENT_SCHEMA,
    manifest: options.manifest_path ?? null,
    manifest_digest: digest,
    target: target.name,
    engine: { name: engineName, version, device },
    data: dataset.files,
    ...surroundings(root),
    created_utc: new Date().toISOString(),
  };
  await writeWhole(join(dir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeWhole(join(dir, "experiment.json"), `${JSON.stringify(record, null, 2)}\n`);

  const runs: RunReport[] = [];
  const failures: string[] = [];
  const files = ["manifest.json", "experiment.json"];
  let state: StateDict | undefined;
  let last: TrainingResult | undefined;
  let interrupted = false;
  const config = standardConfig(trainer, at);
  for (const run of target.runs) {
    const context = {
      manifest,
      target,
      run,
      dataset,
      dir,
      engine,
      root,
      at,
      code,
      config,
      checkpoint_dir,
      digest,
      options,
    };
    const { report, result, endsHere } = await oneRun(context, state);
    runs.push(report);
    state = result.weights;
    last = result;
    interrupted = result.reason === "interrupted";
    for (const { key, expected, found, met } of report.expected) {
      if (!met)
        failures.push(`run ${run.id}: expected ${key} ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
    }
    for (const check of report.verification?.checks ?? []) {
      if (!check.passed && endsHere) {
        failures.push(
          `run ${run.id}: ${report.verification?.type ?? "verify"} failed: ${check.metric} exceeded threshold: value=${check.value.toFixed(6)}, threshold=${check.limit.toFixed(6)}`,
        );
      }
    }
    if (interrupted || endsHere) break;
  }

  let benchmarks: BenchmarkResults = { outcomes: [], files: [], absent: {} };
  if (!interrupted && last !== undefined && target.benchmarks.length > 0 && failures.length === 0) {
    benchmarks = await measure({ target, dataset, dir, engine, at, code, options }, last);
    for (const outcome of benchmarks.outcomes) {
      if (outcome.status === "failed") failures.push(`benchmark ${outcome.id}: ${outcome.reason}`);
    }
    files.push(...benchmarks.files);
  }
  const status = interrupted ? "interrupted" : failures.length > 0 ? "failed" : "completed";
  const report: TargetReport = {
    status,
    failures,
    dir,
    target: target.name,
    manifest_digest: digest,
    engine: record.engine,
    runs,
    benchmarks: benchmarks.outcomes,
    absent_models: benchmarks.absent,
    files: [...files, "report.json"],
  };
  await writeWhole(
    join(dir, "report.json"),
    `${JSON.stringify(document(manifest, target, report, record), null, 2)}\n`,
  );
  return report;
}

interface Context {
  readonly manifest: LoweredManifest;
  readonly target: LoweredExperimentTarget;
  readonly run: LoweredRun;
  readonly dataset: Dataset;
  readonly dir: string;
  readonly engine: Engine;
  readonly root: string;
  readonly at: (path: string) => string;
  readonly code: Awaited<ReturnType<typeof loadCustomCode>>;
  readonly config: ReturnType<typeof standardConfig>;
  readonly checkpoint_dir: string;
  readonly digest: string;
  readonly options: RunTargetOptions;
}

async function oneRun(
  context: Context,
  state: StateDict | undefined,
): Promise<{ readonly report: RunReport; readonly result: TrainingResult; readonly endsHere: boolean }> {
  const { manifest, target, run, dataset, dir, engine, code, config, checkpoint_dir, digest, options } = context;
  if (run.train.phase !== "standard") {
    throw new ExperimentError(
      "unsupported",
      `run ${run.id}: phase ${run.train.phase} needs trainer.upcycle, which cannot run yet`,
    );
  }
  const spec = { system: target.system, objective: target.objective, code };
  const folder = join(dir, "runs", safe(run.id));
  const log = new RunLog(join(folder, "train.jsonl"), { run_id: run.id, phase: run.train.phase });
  const own = { target: target.name, run: run.id, manifest_digest: digest };
  const contract = await ContractRecord.open(
    join(folder, "record"),
    run,
    batchSize(run.train) * run.train.gradient_accumulation_steps,
    own,
    options.argv ?? process.argv.slice(2),
  );
  const samples = openSamples();
  samples.hello({
    executed: { precision: "fp32", amp: false },
    device: { kind: "cpu", name: "cpu", simulated: false },
  });
  const wandb = await openWandb(context);
  const curve: { readonly series: string; readonly x: number; readonly y: number }[] = [];
  const waiting: Promise<void>[] = [];
  let result: TrainingResult;
  let done = 0;
  try {
    result = await runTraining({
      engine,
      spec,
      run,
      dataset,
      trainer: config.standard,
      isTrainable: config.isTrainable,
      checkpoint_dir,
      config_digest: sha256(
        canonical({
          digest,
          run: run.id,
          data: dataset.files.map((file) => file.sha256),
          from: state === undefined ? null : stateDigest(state),
        }),
      ),
      save_every: manifest.defaults.runtime.save_every,
      eval_every: manifest.defaults.logging.eval_iters,
      ...(state === undefined ? {} : { state }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onStep: (figures, time_s) => {
        contract.step(figures, time_s);
        samples.step({ loss: figures["loss"] ?? null, time_s });
        done++;
        options.onEvent?.({ kind: "step", run_id: run.id, step: done, steps: run.steps, loss: figures["loss"] ?? NaN });
      },
      onEvent: (event) => {
        contract.beat();
        log.write(event);
        if (event.type === "metrics" || event.type === "validation") {
          const { metrics } = event.data;
          if (wandb !== null) waiting.push(wandb.history(event.step, prefixed(metrics)));
          const [series, key] = event.type === "metrics" ? ["training", "loss"] : ["held out", "val_loss"];
          if (metrics[key] !== undefined) curve.push({ series, x: event.step, y: metrics[key] });
        }
        options.onEvent?.({ kind: "training", run_id: run.id, steps: run.steps, event });
      },
    });
  } catch (error) {
    await contract.finish(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  await Promise.all(waiting);
  await wandb?.end(result.figures, result.reason === "interrupted" ? 130 : 0);
  const verdict = await contract.finish(result.reason);
  if (curve.length > 1) {
    await writeChart(folder, "training", {
      title: `${target.name}, ${run.id}`,
      x: "step",
      y: "loss",
      kind: "lines",
      points: curve,
    });
  }
  let verification: Verification | null = null;
  if (result.reason !== "interrupted" && run.verify !== null) {
    verification = await verify(context, result, state ?? result.initial);
    await writeWhole(join(dir, `verify_${safe(run.id)}.json`), `${JSON.stringify(verification, null, 2)}\n`);
    if (verification !== null) options.onEvent?.({ kind: "verified", verification });
  }
  await writeWhole(join(folder, "model.safetensors"), writeSafetensors(result.weights, { format: "pt" }));
  const report = runReport(run, result, verification, verdict, config.isTrainable);
  return { report, result, endsHere: verification !== null && endsTarget(verification) };
}

function runReport(
  run: LoweredRun,
  result: TrainingResult,
  verification: Verification | null,
  verdict: Verdict,
  isTrainable: (parameter: ParameterSpec) => boolean,
): RunReport {
  const { validation } = result;
  const size = ({ shape }: ParameterSpec): number => shape.reduce((a, b) => a * b, 1);
  const sum = (list: readonly ParameterSpec[]): number => list.reduce((total, spec) => total + size(spec), 0);
  const found: Record<string, string | number | boolean> = {
    phase: run.train.phase,
    steps: result.steps,
    ...result.figures,
  };
  for (const [key, value] of Object.entries(validation?.figures ?? {})) found[`val_${key}`] = value;
  const reference =
    validation?.floor === undefined || validation.guessing === undefined
      ? null
      : {
          floor: validation.floor,
          guessing: validation.guessing,
          result: validation.figures["loss"] ?? NaN,
          ratio_to_floor: (validation.figures["loss"] ?? NaN) / validation.floor,
          best_accuracy: validation.best_accuracy ?? null,
          guessing_accuracy: validation.guessing_accuracy ?? null,
          accuracy: validation.best_accuracy === undefined ? null : (validation.figures["accuracy"] ?? null),
        };
  if (reference !== null) found["ratio_to_floor"] = reference.ratio_to_floor;
  return {
    id: run.id,
    exp: run.exp,
    seed: run.seed,
    phase: run.train.phase,
    steps: result.steps,
    stop_reason: result.reason,
    resumed_from: result.resumed_from,
    parameters: sum(result.parameters),
    trained_parameters: sum(result.parameters.filter(isTrainable)),
    train: result.figures,
    validation: validation?.figures ?? null,
    reference,
    expected: result.reason === "interrupted" ? [] : checkExpected(run.expected, found),
    verification,
    contract_verdict: verdict.status,
    weights_sha256: stateDigest(result.weights),
  };
}

/** The model to compare with: the teacher's checkpoint where the run names one, otherwise the weights it began with. */
async function referenceOf(
  { run, at }: Pick<Context, "run" | "at">,
  before: StateDict,
): Promise<{ readonly state: StateDict; readonly name: string }> {
  const teacher = run.train.teacher_ckpt;
  if (teacher === null) return { state: before, name: "the model before this run" };
  if (teacher.startsWith("hf://"))
    throw new ExperimentError("unsupported", `${teacher}: nothing is downloaded here; name a .safetensors file`);
  return { state: await readWeights(at(teacher)), name: teacher };
}

async function verify(context: Context, result: TrainingResult, before: StateDict): Promise<Verification | null> {
  const { engine, target, code, dataset, run } = context;
  const spec = { system: target.system, objective: target.objective, code };
  const sample = dataset.trainBatch(run.seed, 0, batchSize(run.train));
  const student = new ModelRunner(engine, spec, sample, result.weights);
  const { state, name } = await referenceOf(context, before);
  const model = new ModelRunner(engine, spec, sample, state);
  try {
    return await verifyRun({
      run,
      dataset,
      student,
      reference: { model, name },
      tokenizer: (verify) => evalTokenizer(verify.tokenizer, context.root),
    });
  } finally {
    student.dispose();
    model.dispose();
  }
}

async function measure(
  context: Pick<Context, "target" | "dataset" | "dir" | "engine" | "at" | "code" | "options">,
  result: TrainingResult,
): Promise<BenchmarkResults> {
  const { target, dataset, dir, engine, at, code, options } = context;
  const run = target.runs.at(-1);
  if (run === undefined) return { outcomes: [], files: [], absent: {} };
  const spec = { system: target.system, objective: target.objective, code };
  const sample = dataset.trainBatch(run.seed, 0, batchSize(run.train));
  const student = new ModelRunner(engine, spec, sample, result.weights);
  const path = run.train.teacher_ckpt;
  const teacher =
    path === null
      ? "the run names no teacher_ckpt"
      : new ModelRunner(engine, spec, sample, await readWeights(at(path)));
  try {
    return await runBenchmarks({
      benchmarks: target.benchmarks,
      models: { student, teacher },
      dir,
      target: target.name,
      at,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onProgress: (text) => options.onEvent?.({ kind: "benchmark", text }),
    });
  } finally {
    student.dispose();
    if (typeof teacher !== "string") teacher.dispose();
  }
}

function standardConfig(
  trainer: LoweredExperimentTarget["trainer"],
  at: (path: string) => string,
): {
  readonly standard: Parameters<typeof runTraining>[0]["trainer"];
  readonly isTrainable: (parameter: ParameterSpec) => boolean;
} {
  const base = { early_stopping_patience: null, early_stopping_min_delta: 0, keep_best: true };
  const resume = (path: string | null): string | null => (path === null ? null : at(path));
  if (trainer.impl === null && trainer.ref === "trainer.standard") {
    const { config } = trainer;
    return {
      standard: { ...config, resume_from: resume(config.resume_from) },
      isTrainable: ({ trainable }) => trainable,
    };
  }
  if (trainer.impl === null && trainer.ref === "trainer.gradient_isolation") {
    const { checkpoint_dir, resume_from, trainable_scope, frozen_scope } = trainer.config;
    const matches = (patterns: readonly string[], name: string): boolean =>
      patterns.some((pattern) => new RegExp(pattern, "u").test(name));
    return {
      standard: { ...base, checkpoint_dir, resume_from: resume(resume_from) },
      isTrainable: ({ name, trainable }) =>
        trainable && !matches(frozen_scope, name) && (trainable_scope.length === 0 || matches(trainable_scope, name)),
    };
  }
  throw new ExperimentError("unsupported", `${trainer.ref} cannot run yet; trainer.standard can`);
}

async function openWandb({ manifest, target, run, dir }: Context): Promise<WandbFile | null> {
  const { wandb, wandb_mode, wandb_project, wandb_entity } = manifest.defaults.logging;
  if (!wandb || wandb_mode === "disabled") return null;
  return WandbFile.create(join(dir, "wandb"), {
    id: sha256(`${dir} ${run.id}`).slice(0, 8),
    project: wandb_project === "" ? (manifest.name ?? "vrx") : wandb_project,
    entity: wandb_entity,
    name: `${target.name}:${run.id}`,
    group: target.name,
    config: { run: run.id, exp: run.exp, seed: run.seed, steps: run.steps, ...run.train },
  });
}

function prefixed(figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).flatMap(([key, value]) => [[`train/${key}`, value] as const, [key, value] as const]),
  );
}

/** `report.json`: what the seed's report has, null where nothing was measured, and every run. */
function document(
  manifest: LoweredManifest,
  target: LoweredExperimentTarget,
  report: TargetReport,
  record: ExperimentRecord,
): Readonly<Record<string, unknown>> {
  const rows = report.benchmarks.flatMap((outcome) => (outcome.status === "measured" ? outcome.rows : []));
  const mean = (model: string, key: string): number | null => {
    const values = rows
      .filter((row) => row["model"] === model)
      .map((row) => row[key])
      .filter((value) => typeof value === "number");
    return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
  };
  const ratio = (a: number | null, b: number | null): number | null =>
    a === null || b === null || b === 0 ? null : a / b;
  const [teacherPpl, studentPpl] = [mean("teacher", "perplexity"), mean("student", "perplexity")];
  const [teacherSpeed, studentSpeed] = [mean("teacher", "tokens_per_sec"), mean("student", "tokens_per_sec")];
  return {
    metadata: {
      name: manifest.name ?? "experiment",
      target: target.name,
      timestamp: record.created_utc,
      manifest_path: record.manifest,
      manifest_digest: record.manifest_digest,
      teacher_checkpoint: target.runs.at(-1)?.train.teacher_ckpt ?? null,
      engine: record.engine,
      notes: manifest.notes,
    },
    status: report.status,
    failures: report.failures,
    summary: {
      teacher_perplexity: teacherPpl,
      student_perplexity: studentPpl,
      perplexity_ratio: ratio(studentPpl, teacherPpl),
      teacher_tokens_per_sec: teacherSpeed,
      student_tokens_per_sec: studentSpeed,
      speedup: ratio(studentSpeed, teacherSpeed),
    },
    runs: report.runs,
    benchmarks: report.benchmarks,
    absent_models: report.absent_models,
    files: report.files,
    generated_at: new Date().toISOString(),
  };
}

/** SHA-256 over names, shapes and numbers, in the order of the names. */
export function stateDigest(state: StateDict): string {
  return sha256(writeSafetensors(state));
}

function safe(name: string): string {
  return name.replace(/[^\w.-]/g, "_");
}

/** A folder of its own named after the time, also for two that begin in the same second. */
async function freshFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  const stamp = timestamp();
  for (let i = 1; ; i++) {
    const dir = join(parent, i === 1 ? stamp : `${stamp}_${i}`);
    try {
      await mkdir(dir);
      return dir;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}

function timestamp(): string {
  return new Date().toISOString().replace(/[-:]/g, "").replace("T", "_").slice(0, 15);
}
