import type { LoweredRun, Verify } from "@vrx/manifest";
import type { Batch, Dataset } from "../data/dataset.js";
import { cutWindows } from "../data/token-dataset.js";
import type { Tokenizer } from "../data/tokenizers/tokenizer.js";
import { ExperimentError } from "../errors.js";
import { batchSize } from "../train/run-training.js";
import { type AnsweredCase, answerCases } from "./answer-cases.js";
import type { ModelRunner } from "./model-runner.js";

/** One figure held against its threshold. */
export interface Check {
  readonly metric: string;
  readonly value: number;
  readonly limit: number;
  /** Whether the value must not be above the limit, or not below. */
  readonly rule: "at_most" | "at_least";
  readonly passed: boolean;
}

/** What a verification found; written as `verify_RUN.json`. */
export interface Verification {
  readonly run_id: string;
  readonly type: Verify["type"];
  readonly config: Verify;
  /** What the trained model was compared with. */
  readonly reference: string | null;
  readonly passed: boolean;
  readonly checks: readonly Check[];
  /** Figures per layer and batch (compare), per batch (fidelity), per case (eval). */
  readonly details: readonly Readonly<Record<string, unknown>>[];
  /** Checks after the first failed one were not made. */
  readonly stopped_early: boolean;
}

/** What a verification looks at. */
export interface VerifyRunOptions {
  readonly run: LoweredRun;
  readonly dataset: Dataset;
  readonly student: ModelRunner;
  /** The model to compare with, and what it is called in the report. */
  readonly reference: { readonly model: ModelRunner; readonly name: string } | null;
  /** The tokenizer that an eval names. */
  readonly tokenizer: (verify: Extract<Verify, { type: "eval" }>) => Promise<Tokenizer>;
}

/** Checks a trained model as its run asks. Throws only where it cannot be checked; a violation is in the result. */
export async function verifyRun(options: VerifyRunOptions): Promise<Verification | null> {
  const { verify } = options.run;
  if (verify === null) return null;
  switch (verify.type) {
    case "compare":
      return compare(options, verify);
    case "fidelity":
      return fidelity(options, verify);
    case "eval":
      return evaluate(options, verify);
    case "kvcache":
      return kvcache(options, verify);
  }
}

/** Whether a failed verification ends the target: an eval's thresholds always do. */
export function endsTarget({ passed, config }: Verification): boolean {
  return !passed && (config.type === "eval" || config.type === "kvcache" || config.fail_fast);
}

function check(metric: string, value: number, limit: number, rule: Check["rule"]): Check {
  // What is not a number is no evidence, and passes nothing.
  return { metric, value, limit, rule, passed: rule === "at_most" ? value <= limit : value >= limit };
}

function needReference(
  options: VerifyRunOptions,
  type: string,
): { readonly model: ModelRunner; readonly name: string } {
  if (options.reference !== null) return options.reference;
  throw new ExperimentError("verification_failed", `verify ${type} compares with a reference model, and there is none`);
}

/** The first batches: held-out ones where there are some. */
function firstBatches(
  { dataset, run }: VerifyRunOptions,
  count: number,
  split: "auto" | "train" | "val" = "auto",
  size = batchSize(run.train),
): Batch[] {
  const batches: Batch[] = [];
  if (split !== "train") {
    for (const batch of dataset.valBatches(size, run.seed)) if (batches.push(batch) === count) break;
    if (batches.length > 0) return batches;
  }
  return Array.from({ length: count }, (_, place) => dataset.trainBatch(run.seed, place, size));
}

async function compare(options: VerifyRunOptions, verify: Extract<Verify, { type: "compare" }>): Promise<Verification> {
  const { model, name } = needReference(options, "compare");
  const details: Record<string, unknown>[] = [];
  const seen: Record<"attention" | "logits", { readonly means: number[]; max: number }> = {
    attention: { means: [], max: 0 },
    logits: { means: [], max: 0 },
  };
  const now = (): Check[] =>
    (["attention", "logits"] as const).flatMap((what) => {
      const limits = verify[what];
      const { means, max } = seen[what];
      if (limits === null) return [];
      if (means.length === 0)
        throw new ExperimentError("verification_failed", `verify compare: the model has no ${what} to compare`);
      const mean = means.reduce((a, b) => a + b, 0) / means.length;
      return [
        ...(limits.max_mean_l1 === null ? [] : [check(`${what}_mean_l1`, mean, limits.max_mean_l1, "at_most")]),
        ...(limits.max_max_l1 === null ? [] : [check(`${what}_max_l1`, max, limits.max_max_l1, "at_most")]),
      ];
    });
  let stopped = false;
  for (const [i, batch] of firstBatches(options, verify.batches).entries()) {
    const [found, wanted] = [await options.student.outputs(batch), await model.outputs(batch)];
    for (const [key, values] of wanted) {
      const what = key.startsWith("attention:") ? "attention" : "logits";
      const other = found.get(key);
      if (other?.length !== values.length) {
        throw new ExperimentError("verification_failed", `verify compare: ${key} has another shape in the two models`);
      }
      const differences = values.map((value, at) => Math.abs(value - (other[at] ?? 0)));
      const mean_l1 = differences.reduce((a, b) => a + b, 0) / differences.length;
      const max_l1 = differences.reduce((a, b) => Math.max(a, b), 0);
      seen[what].means.push(mean_l1);
      seen[what].max = Math.max(seen[what].max, max_l1);
      details.push({ batch: i, part: key, mean_l1, max_l1 });
    }
    stopped = verify.fail_fast && now().some(({ passed }) => !passed);
    if (stopped) break;
  }
  return outcome(options, verify, name, now(), details, stopped);
}

async function fidelity(
  options: VerifyRunOptions,
  verify: Extract<Verify, { type: "fidelity" }>,
): Promise<Verification> {
  const { model, name } = needReference(options, "fidelity");
  const { dataset, run } = options;
  if (verify.split === "val" && dataset.val_samples === 0) {
    throw new ExperimentError(
      "verification_failed",
      "verify fidelity: split is val, and no data is held out: raise val_frac",
    );
  }
  const { tokens } = dataset;
  const size = verify.batch_size ?? batchSize(run.train);
  const block = verify.block_size ?? tokens?.block_size ?? run.train.block_size;
  const text = verify.split === "train" || dataset.val_samples === 0 ? tokens?.train : tokens?.val;
  const batches =
    text === undefined
      ? firstBatches(options, verify.batches, verify.split, size)
      : cutWindows(text, block, size, verify.batches);
  const details: Record<string, unknown>[] = [];
  let [student, teacher] = [0, 0];
  const now = (): Check[] => {
    const delta = (student - teacher) / details.length;
    const ratio = Math.exp(Math.min(700, Math.max(-700, delta)));
    return [
      ...(verify.max_delta_nll === null ? [] : [check("delta_nll", delta, verify.max_delta_nll, "at_most")]),
      ...(verify.max_ppl_ratio === null ? [] : [check("ppl_ratio", ratio, verify.max_ppl_ratio, "at_most")]),
    ];
  };
  let stopped = false;
  for (const [i, batch] of batches.entries()) {
    const own = (await options.student.figures(batch))["loss"] ?? NaN;
    const other = (await model.figures(batch))["loss"] ?? NaN;
    student += own;
    teacher += other;
    details.push({ batch: i, student_nll: own, teacher_nll: other });
    stopped = verify.fail_fast && now().some(({ passed }) => !passed);
    if (stopped) break;
  }
  if (details.length === 0)
    throw new ExperimentError("verification_failed", "verify fidelity: there are no batches to compare on");
  return outcome(options, verify, name, now(), details, stopped);
}

async function evaluate(options: VerifyRunOptions, verify: Extract<Verify, { type: "eval" }>): Promise<Verification> {
  const tokenizer = await options.tokenizer(verify);
  const student = await answerCases(options.student, tokenizer, verify);
  const share = (answers: readonly AnsweredCase[]): number =>
    answers.filter(({ correct }) => correct).length / answers.length;
  const { min_student_accuracy: least, max_accuracy_drop: drop } = verify.thresholds;
  const checks = least === null ? [] : [check("student_accuracy", share(student), least, "at_least")];
  let teacher: readonly AnsweredCase[] | null = null;
  if (drop !== null) {
    const { model } = needReference(options, "eval with max_accuracy_drop");
    teacher = await answerCases(model, tokenizer, verify);
    checks.push(check("accuracy_drop", share(teacher) - share(student), drop, "at_most"));
  }
  const details = student.map((answer, i) => ({ ...answer, teacher: teacher?.[i] ?? null }));
  const name = teacher === null ? null : (options.reference?.name ?? null);
  return outcome(options, verify, name, checks, [{ student_accuracy: share(student) }, ...details], false);
}

function kvcache(options: VerifyRunOptions, verify: Extract<Verify, { type: "kvcache" }>): Verification {
  const bytes = (policy: typeof verify.teacher): number => {
    const width =
      policy.kind === "standard"
        ? 2 * policy.n_kv_heads * policy.head_dim
        : policy.sem_dim + policy.geo_dim + policy.v_dim;
    return width * bytesPerValue[policy.dtype] * verify.n_layers * verify.batch_size * verify.max_seq_len;
  };
  const [teacher, student] = [bytes(verify.teacher), bytes(verify.student)];
  const least = verify.min_reduction_ratio;
  const checks = least === null ? [] : [check("reduction_ratio", teacher / student, least, "at_least")];
  return outcome(options, verify, null, checks, [{ teacher_bytes: teacher, student_bytes: student }], false);
}

/** Bytes of a value that is kept: quantised ones come in blocks of 32 with a half-precision scale. */
export const bytesPerValue = { fp32: 4, fp16: 2, q8_0: 1 + 2 / 32, q4_0: 0.5 + 2 / 32, nf4: 0.5 + 2 / 32 } as const;

function outcome(
  { run }: VerifyRunOptions,
  config: Verify,
  reference: string | null,
  checks: readonly Check[],
  details: Verification["details"],
  stopped_early: boolean,
): Verification {
  const passed = checks.every((one) => one.passed);
  return { run_id: run.id, type: config.type, config, reference, passed, checks, details, stopped_early };
}
