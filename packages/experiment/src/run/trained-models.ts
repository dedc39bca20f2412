import type { LoweredRun } from "@vrx/manifest";
import { type BenchmarkResults, runBenchmarks } from "../benchmark/run-benchmarks.js";
import { ExperimentError } from "../errors.js";
import type { StateDict } from "../system/weights.js";
import { readWeights } from "../train/checkpoint.js";
import { type TrainingResult, batchSize } from "../train/run-training.js";
import { ModelRunner } from "../verify/model-runner.js";
import { type Verification, verifyRun } from "../verify/verify-run.js";
import { evalTokenizer } from "./eval-tokenizer.js";
import type { TargetContext } from "./target-context.js";

/** The weights of a teacher's checkpoint. Rejects with `unsupported` for one that would have to be fetched. */
async function teacherWeights(teacher: string, at: (path: string) => string): Promise<StateDict> {
  if (/^[a-z]+:\/\//.test(teacher))
    throw new ExperimentError("unsupported", `${teacher}: nothing is downloaded here; name a .safetensors file`);
  return readWeights(at(teacher));
}

/**
 * Verifies what a run trained as the run asks. It is compared with the teacher's checkpoint where the run names one,
 * otherwise with the weights that it began with. Rejects where it cannot be checked.
 */
export async function verifyTrained(
  context: TargetContext,
  run: LoweredRun,
  result: TrainingResult,
  before: StateDict,
): Promise<Verification | null> {
  const { engine, target, code, datasetOf, root, at } = context;
  const dataset = datasetOf(run);
  const spec = { system: target.system, objective: target.objective, code };
  const sample = dataset.trainBatch(run.seed, 0, batchSize(run.train));
  const teacher = run.train.teacher_ckpt;
  const state = teacher === null ? before : await teacherWeights(teacher, at);
  const student = new ModelRunner(engine, spec, sample, result.weights);
  const model = new ModelRunner(engine, spec, sample, state);
  try {
    return await verifyRun({
      run,
      dataset,
      student,
      reference: { model, name: teacher ?? "the model before this run" },
      tokenizer: (verify) => evalTokenizer(verify.tokenizer, root),
    });
  } finally {
    student.dispose();
    model.dispose();
  }
}

/** Runs the benchmarks of a target on what its last run trained and, where that run names one, on the teacher. */
export async function measureTrained(
  context: TargetContext,
  run: LoweredRun,
  result: TrainingResult,
): Promise<BenchmarkResults> {
  const { target, datasetOf, dir, engine, at, code, options } = context;
  const spec = { system: target.system, objective: target.objective, code };
  const sample = datasetOf(run).trainBatch(run.seed, 0, batchSize(run.train));
  const path = run.train.teacher_ckpt;
  const weights = path === null ? null : await teacherWeights(path, at);
  const student = new ModelRunner(engine, spec, sample, result.weights);
  const teacher = weights === null ? "the run names no teacher_ckpt" : new ModelRunner(engine, spec, sample, weights);
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
