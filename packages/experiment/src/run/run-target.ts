import { writeWhole } from "@vrx/ant-ratio/report";
import {
  type Data,
  type LoweredExperimentTarget,
  type LoweredManifest,
  type LoweredRun,
  manifestDigest,
} from "@vrx/manifest";
import { mkdir, readdir } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import type { BenchmarkResults } from "../benchmark/run-benchmarks.js";
import type { Dataset } from "../data/dataset.js";
import { openDataset } from "../data/open-dataset.js";
import { openJaxEngine } from "../engine/jax-engine.js";
import { ExperimentError, isExperimentError } from "../errors.js";
import type { StateDict } from "../system/weights.js";
import { CheckpointFolder } from "../train/checkpoint.js";
import type { TrainingResult } from "../train/run-training.js";
import { EXPERIMENT_SCHEMA, type ExperimentRecord, surroundings } from "./experiment-record.js";
import { dataLimits } from "./data-limits.js";
import { fallbackRecipes } from "./fallback-recipes.js";
import { freshFolder, safeName } from "./folders.js";
import { loadCustomCode } from "./load-custom-code.js";
import type { RunTargetOptions, TargetContext } from "./target-context.js";
import { type RunReport, type TargetReport, reportDocument } from "./target-report.js";
import { trainInTarget } from "./train-in-target.js";
import { measureTrained } from "./trained-models.js";
import { trainerSettings } from "./trainer-settings.js";

/**
 * Runs an experiment of a lowered manifest from its data to its tables, and leaves a directory that says what ran and
 * what came out. Rejects where it cannot be run; a run that misses what it was held to, or whose loss is no number any
 * more, is in the report, with `failed`.
 */
export async function runTarget(
  manifest: LoweredManifest,
  target: LoweredExperimentTarget,
  options: RunTargetOptions = {},
): Promise<TargetReport> {
  const context = await prepare(manifest, target, options);
  const { dir, engine, datasetOf, code, root } = context;
  const { name: engineName, version, device } = engine;
  const record: ExperimentRecord = {
    schema_version: EXPERIMENT_SCHEMA,
    manifest: options.manifest_path ?? null,
    manifest_digest: context.digest,
    target: target.name,
    engine: { name: engineName, version, device },
    data: target.runs[0] === undefined ? [] : datasetOf(target.runs[0]).files,
    modules: code.files,
    generate_data: options.generate_data === true,
    ...surroundings(root),
    created_utc: new Date().toISOString(),
  };
  await mkdir(dir, { recursive: true });
  await writeWhole(join(dir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeWhole(join(dir, "experiment.json"), `${JSON.stringify(record, null, 2)}\n`);

  const runs: RunReport[] = [];
  const failures: string[] = [];
  let state: StateDict | undefined;
  let last: TrainingResult | undefined;
  const going = await lastOnItsWay(context);
  for (const [place, run] of target.runs.entries()) {
    try {
      const trained = await trainInTarget(context, run, state, { isBehind: place < going });
      runs.push(trained.report);
      failures.push(...trained.failures);
      last = trained.result;
      state = last.weights;
      if (last.reason === "interrupted" || trained.endsHere) break;
    } catch (error) {
      if (!isExperimentError(error) || error.code !== "not_finite") throw error;
      failures.push(`run ${run.id}: ${error.message}`);
      break;
    }
  }
  let benchmarks: BenchmarkResults = { outcomes: [], files: [], absent: {} };
  const run = target.runs.at(-1);
  if (run !== undefined && last !== undefined && last.reason !== "interrupted" && failures.length === 0) {
    if (target.benchmarks.length > 0) benchmarks = await measureTrained(context, run, last);
    for (const outcome of benchmarks.outcomes) {
      if (outcome.status === "failed") failures.push(`benchmark ${outcome.id}: ${outcome.reason}`);
    }
  }
  const interrupted = last?.reason === "interrupted" || options.signal?.aborted === true;
  const report: TargetReport = {
    status: interrupted ? "interrupted" : failures.length > 0 ? "failed" : "completed",
    failures,
    dir,
    target: target.name,
    manifest_digest: context.digest,
    engine: record.engine,
    runs,
    benchmarks: benchmarks.outcomes,
    absent_models: benchmarks.absent,
    files: ["manifest.json", "experiment.json", ...benchmarks.files, "report.json"],
  };
  const document = reportDocument(manifest, target, report, record);
  await writeWhole(join(dir, "report.json"), `${JSON.stringify(document, null, 2)}\n`);
  return report;
}

/** The place of the last run that has a checkpoint on its way; -1 where none has. */
async function lastOnItsWay({ target, checkpoint_dir }: TargetContext): Promise<number> {
  let last = -1;
  for (const [place, run] of target.runs.entries()) {
    const steps = await new CheckpointFolder(checkpoint_dir, run.id, run.train.phase).steps();
    if (steps.length > 0) last = place;
  }
  return last;
}

/** Opens everything that a target needs, before anything of it is written. */
async function prepare(
  manifest: LoweredManifest,
  target: LoweredExperimentTarget,
  options: RunTargetOptions,
): Promise<TargetContext> {
  if (target.backend !== "jax") {
    throw new ExperimentError(
      "unsupported",
      `${target.name}: backend ${target.backend} needs a worker, and there is none here: --backend jax runs it on the embedded engine`,
    );
  }
  const root = resolve(options.root ?? ".");
  const at = (path: string): string => (isAbsolute(path) ? path : resolve(root, path));
  const settings = trainerSettings(target.trainer, at);
  const name = safeName(manifest.name ?? "experiment");
  const own = settings.standard.checkpoint_dir;
  const checkpoint_dir =
    options.checkpoint_dir ?? (own === null ? join(root, "runs", name, safeName(target.name)) : at(own));
  if (options.out !== undefined && (await readdir(options.out).catch(() => [])).length > 0) {
    throw new ExperimentError(
      "invalid_argument",
      `${resolve(options.out)}: expected an empty folder, or none: results are never overwritten`,
    );
  }
  const { tokenizer, val_frac } = manifest.defaults.data;
  const fallback = options.generate_data === true ? { fallback: fallbackRecipes(target) } : {};
  const limits = dataLimits(target);
  const datasets = new Map<number, Dataset>();
  for (const { train } of target.runs) {
    if (datasets.has(train.block_size)) continue;
    const data = withBlockSize(target.data, train.block_size);
    datasets.set(train.block_size, await openDataset(data, { root, val_frac, tokenizer, limits, ...fallback }));
  }
  const code = await loadCustomCode(target, root);
  const engine = options.engine ?? (await openJaxEngine());
  const dir =
    options.out === undefined
      ? await freshFolder(join(at(manifest.artifacts_dir), name, safeName(target.name)))
      : resolve(options.out);
  const digest = manifestDigest(manifest, { target: target.name });
  const datasetOf = ({ train }: LoweredRun): Dataset => needed(datasets.get(train.block_size));
  return { manifest, target, datasetOf, dir, engine, root, at, code, settings, checkpoint_dir, digest, options };
}

/** Data whose texts are cut as a run wants them: at most as long as the data's own samples, which the manifest checks. */
function withBlockSize(data: Data, block_size: number): Data {
  if (data.impl !== null) return data;
  switch (data.ref) {
    case "dataset.tokens":
      return { ...data, config: { ...data.config, block_size } };
    case "dataset.random_tokens":
      return { ...data, config: { ...data.config, block_size } };
    default:
      return data;
  }
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new ExperimentError("invalid_argument", "this run is none of the target's");
  return value;
}
