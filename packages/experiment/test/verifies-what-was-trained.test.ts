import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../src/data/dataset.js";
import { openDataset } from "../src/data/open-dataset.js";
import { cutWindows } from "../src/data/token-dataset.js";
import type { Tokenizer } from "../src/data/tokenizers/tokenizer.js";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { buildForward } from "../src/system/build-system.js";
import { type StateDict, Weights } from "../src/system/weights.js";
import { batchSpec } from "../src/train/training-session.js";
import { ModelRunner } from "../src/verify/model-runner.js";
import { type Verification, endsTarget, verifyRun } from "../src/verify/verify-run.js";
import { smallExperiment } from "./support/experiments.js";

const root = mkdtempSync(join(tmpdir(), "vrx-verify-"));
let engine: Engine;
let dataset: Dataset;
let student: ModelRunner;
let teacher: ModelRunner;

/** The weights that follow from a seed. */
async function state(seed: number): Promise<StateDict> {
  const { parameters } = buildForward(smallExperiment().target, batchSpec(dataset.trainBatch(0, 0, 4)));
  const weights = new Weights(engine, parameters, seed);
  const read = await weights.read();
  weights.dispose();
  return read;
}

beforeAll(async () => {
  engine = await openJaxEngine();
  const { target } = smallExperiment();
  dataset = await openDataset(target.data, { root, val_frac: 0.2 });
  const sample = dataset.trainBatch(0, 0, 4);
  student = new ModelRunner(engine, target, sample, await state(1));
  teacher = new ModelRunner(engine, target, sample, await state(2));
});
afterAll(() => {
  student.dispose();
  teacher.dispose();
  rmSync(root, { recursive: true, force: true });
});

/** Words of one letter, `a` to `l`; numbers are read as themselves. */
const letters: Tokenizer = {
  name: "letters",
  vocab_size: 12,
  eos_id: null,
  encode: (text) => Array.from(text, (c) => c.charCodeAt(0) - 97),
  decode: (ids) => String.fromCharCode(...ids.map((id) => id + 97)),
};

async function verify(config: object, more: Partial<Parameters<typeof verifyRun>[0]> = {}): Promise<Verification> {
  const { target } = smallExperiment({ verify: config, train: { teacher_ckpt: "teacher.safetensors" } });
  const found = await verifyRun({
    run: target.runs[0]!,
    dataset,
    student,
    reference: { model: teacher, name: "the teacher" },
    tokenizer: () => Promise.resolve(letters),
    ...more,
  });
  if (found === null) throw new Error("nothing was verified");
  return found;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const checkOf = ({ checks }: Verification, metric: string) => checks.find((check) => check.metric === metric)!;

describe("compare", () => {
  const limits = { max_mean_l1: 1e-6, max_max_l1: 1e-6 };

  it("finds no difference between a model and itself", async () => {
    const found = await verify(
      { type: "compare", batches: 2, attention: { max_mean_l1: 0, max_max_l1: 0 }, logits: { max_mean_l1: 0 } },
      { reference: { model: student, name: "itself" } },
    );
    expect(found).toMatchObject({ passed: true, reference: "itself", stopped_early: false });
    expect(found.checks.map(({ metric, value }) => [metric, value])).toEqual([
      ["attention_mean_l1", 0],
      ["attention_max_l1", 0],
      ["logits_mean_l1", 0],
    ]);
  });

  it("has the mean and the greatest distance of what comes out, over the first held-out batches", async () => {
    const found = await verify({ type: "compare", batches: 2, attention: limits, logits: limits });
    const batches = [...dataset.valBatches(4, 5)].slice(0, 2);
    const distances: number[][] = [];
    for (const batch of batches) {
      const [a, b] = [await student.outputs(batch), await teacher.outputs(batch)];
      distances.push([...a.get("output:logits")!].map((value, i) => Math.abs(value - b.get("output:logits")![i]!)));
    }
    expect(checkOf(found, "logits_mean_l1").value).toBeCloseTo(mean(distances.map(mean)), 6);
    expect(checkOf(found, "logits_max_l1").value).toBeCloseTo(Math.max(...distances.flat()), 6);
    expect(found.passed).toBe(false);
    // A batch has one layer of attention and logits.
    expect(found.details).toHaveLength(4);
    const parts = found.details.map(({ batch, part }) => `${String(batch)} ${String(part)}`);
    expect(parts).toEqual(expect.arrayContaining(["0 output:logits", "1 output:logits"]));
    expect(parts.filter((part) => part.includes("attention:"))).toHaveLength(2);
  });

  it("stops at the first batch beyond a threshold with fail_fast, and only then ends the target", async () => {
    const quick = await verify({ type: "compare", batches: 3, logits: limits, fail_fast: true });
    expect(quick.details.map(({ batch }) => batch)).toEqual([0, 0]);
    expect([quick.stopped_early, endsTarget(quick)]).toEqual([true, true]);
    const whole = await verify({ type: "compare", batches: 3, logits: limits });
    expect([whole.details.length, whole.stopped_early, endsTarget(whole)]).toEqual([6, false, false]);
  });
});

describe("fidelity", () => {
  it("has the difference of the mean losses, and their ratio as perplexities", async () => {
    const found = await verify({ type: "fidelity", batches: 2, max_delta_nll: 100, max_ppl_ratio: 1e-9 });
    const batches = cutWindows(dataset.tokens!.val, 16, 4, 2);
    const differences: number[] = [];
    for (const batch of batches) {
      differences.push((await student.figures(batch))["loss"]! - (await teacher.figures(batch))["loss"]!);
    }
    expect(checkOf(found, "delta_nll")).toMatchObject({ passed: true, rule: "at_most" });
    expect(checkOf(found, "delta_nll").value).toBeCloseTo(mean(differences), 6);
    expect(checkOf(found, "ppl_ratio").value).toBeCloseTo(Math.exp(mean(differences)), 6);
    expect(found.passed).toBe(false);
    expect(found.details).toHaveLength(batches.length);
  });

  it("looks at the part of the data that it names, in batches and blocks of its own", async () => {
    const train = await verify({
      type: "fidelity",
      batches: 1,
      split: "train",
      block_size: 8,
      batch_size: 2,
      max_delta_nll: 1,
    });
    const [batch] = cutWindows(dataset.tokens!.train, 8, 2, 1);
    expect(train.details[0]!["student_nll"]).toBeCloseTo((await student.figures(batch!))["loss"]!, 6);
    const all = await openDataset(smallExperiment().target.data, { root, val_frac: 0 });
    await expect(
      verify({ type: "fidelity", batches: 1, split: "val", max_delta_nll: 1 }, { dataset: all }),
    ).rejects.toThrow("split is val, and no data is held out: raise val_frac");
    const auto = await verify({ type: "fidelity", batches: 1, max_delta_nll: 100 }, { dataset: all });
    expect(auto.passed).toBe(true);
  });

  it("stops at the first batch with fail_fast", async () => {
    const found = await verify({ type: "fidelity", batches: 3, max_ppl_ratio: 1e-9, fail_fast: true });
    expect([found.details.length, found.stopped_early, endsTarget(found)]).toEqual([1, true, true]);
  });

  it("needs a model to compare with", async () => {
    const alone = verify({ type: "fidelity", batches: 1, max_delta_nll: 1 }, { reference: null });
    await expect(alone).rejects.toMatchObject({ code: "verification_failed" });
  });
});

describe("eval", () => {
  /** The log-probabilities of the token after a prompt, by a whole forward pass. */
  async function after(prompt: readonly number[]): Promise<number[]> {
    const shape = [1, prompt.length];
    const logits = (await student.outputs({ input_ids: { data: Int32Array.from(prompt), shape } })).get(
      "output:logits",
    )!;
    const row = [...logits.slice(-12)];
    const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
    return row.map((value) => value - total);
  }
  const evaluate = (cases: readonly object[], thresholds: object, more: object = {}) =>
    verify({ type: "eval", tokenizer: { type: "byte" }, max_new_tokens: 3, cases, thresholds, ...more });

  it("ranks choices by the sum of their tokens' log-probabilities", async () => {
    const found = await evaluate(
      [{ id: "one", prompt: "abc", kind: "choice_logprob", choices: ["d", "ef"], answer: "d" }],
      { min_student_accuracy: 0 },
    );
    const { scores, answer } = found.details[1] as { scores: Record<string, number>; answer: string };
    expect(scores["d"]).toBeCloseTo((await after([0, 1, 2]))[3]!, 4);
    expect(scores["ef"]).toBeCloseTo((await after([0, 1, 2]))[4]! + (await after([0, 1, 2, 4]))[5]!, 4);
    expect(answer).toBe(scores["d"]! >= scores["ef"]! ? "d" : "ef");
  });

  it("continues greedily, and compares texts and numbers; no number is no zero", async () => {
    const tokens = [0, 1];
    for (let i = 0; i < 3; i++) {
      const row = await after(tokens);
      tokens.push(row.indexOf(Math.max(...row)));
    }
    const said = letters.decode(tokens.slice(2));
    const found = await evaluate(
      [
        { id: "text", prompt: "ab", kind: "exact_match_greedy", answer: said },
        { id: "number", prompt: "ab", kind: "int_greedy", answer: 0 },
      ],
      { min_student_accuracy: 0.5 },
    );
    expect(found.details.slice(1)).toMatchObject([
      { id: "text", correct: true, text: said, answer: said },
      { id: "number", correct: false, answer: null },
    ]);
    expect(found.checks).toMatchObject([{ metric: "student_accuracy", value: 0.5, passed: true }]);
    const window = await evaluate(
      [{ id: "w", prompt: "lkjab", kind: "exact_match_greedy", answer: said }],
      { min_student_accuracy: 1 },
      {
        context_window: 5,
      },
    );
    expect(window.passed).toBe(true);
  });

  it("holds a drop against the teacher's answers; thresholds always end the target", async () => {
    const cases = [{ id: "one", prompt: "abc", kind: "exact_match_greedy", answer: "zzz" }];
    const found = await evaluate(cases, { max_accuracy_drop: 0.1 });
    expect(found.checks).toMatchObject([{ metric: "accuracy_drop", value: 0, passed: true }]);
    expect(found.details[1]).toMatchObject({ teacher: { id: "one", correct: false } });
    const failed = await evaluate(cases, { min_student_accuracy: 0.7 });
    expect([failed.passed, endsTarget(failed)]).toEqual([false, true]);
  });

  it("says which token no model of that size has, and which prompt has none", async () => {
    const beyond = evaluate([{ id: "z", prompt: "abc", kind: "choice_logprob", choices: ["z"], answer: "z" }], {
      min_student_accuracy: 0,
    });
    await expect(beyond).rejects.toThrow("token 25 is not among the model's 12: another tokenizer made it");
    const empty = evaluate([{ id: "none", prompt: "", kind: "int_greedy", answer: 1 }], { min_student_accuracy: 0 });
    await expect(empty).rejects.toThrow("case none: the prompt has no tokens");
  });
});

describe("kvcache", () => {
  it("compares what two ways of keeping keys and values take", async () => {
    const found = await verify({
      type: "kvcache",
      n_layers: 16,
      batch_size: 1,
      max_seq_len: 10,
      teacher: { kind: "standard", n_kv_heads: 8, head_dim: 64, dtype: "fp16" },
      student: { kind: "decoupled", sem_dim: 128, geo_dim: 256, v_dim: 2048, dtype: "fp16" },
      min_reduction_ratio: 1,
    });
    // 2 * 8 * 64 and 128 + 256 + 2048 numbers of 2 bytes for each of 16 layers and 10 tokens.
    expect(found.details).toEqual([{ teacher_bytes: 327_680, student_bytes: 778_240 }]);
    expect([found.passed, endsTarget(found)]).toEqual([false, true]);
  });
});

describe("a model that is looked at", () => {
  it("has all its parameters from somewhere: one that lacks some is refused", async () => {
    const [first, ...rest] = await state(1);
    const build = () => new ModelRunner(engine, smallExperiment().target, dataset.trainBatch(0, 0, 4), new Map(rest));
    expect(build).toThrow(`the weights lack ${first![0]}`);
  });
});
