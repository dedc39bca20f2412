import type { LoweredExperimentTarget, LoweredManifest, LoweredRun } from "@vrx/manifest";
import type { BenchmarkResults } from "../benchmark/run-benchmarks.js";
import type { ParameterSpec } from "../layers/initial.js";
import type { TrainingResult } from "../train/run-training.js";
import type { Verification } from "../verify/verify-run.js";
import type { ExperimentRecord } from "./experiment-record.js";
import { type ExpectationResult, checkExpected } from "./expectations.js";
import { stateDigest } from "./state-digest.js";

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
  /** `not_repeated` for a run that was done before this time. */
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

/** What a run came to, held against what it was expected to. */
export function runReport(
  run: LoweredRun,
  result: TrainingResult,
  verification: Verification | null,
  contract_verdict: string,
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
    contract_verdict,
    weights_sha256: stateDigest(result.weights),
  };
}

/** `report.json`: what the seed's report has, null where nothing was measured, and every run. */
export function reportDocument(
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
