import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../src/data/dataset.js";
import { openDataset } from "../src/data/open-dataset.js";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { stateDigest } from "../src/run/state-digest.js";
import { readCheckpoint } from "../src/train/checkpoint.js";
import { type TrainingEvent, type TrainingResult, runTraining } from "../src/train/run-training.js";
import { learningRateFactor } from "../src/train/schedule.js";
import { ModelRunner } from "../src/verify/model-runner.js";
import { plainTrainer as trainer, smallExperiment } from "./support/experiments.js";

const root = mkdtempSync(join(tmpdir(), "vrx-promises-"));
let engine: Engine;
let dataset: Dataset;
let folders = 0;

beforeAll(async () => {
  engine = await openJaxEngine();
  dataset = await openDataset(smallExperiment().target.data, { root, val_frac: 0.2 });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Change = Parameters<typeof smallExperiment>[0];
type More = Partial<Parameters<typeof runTraining>[0]>;

interface Trained {
  readonly result: TrainingResult;
  readonly events: readonly TrainingEvent[];
  readonly folder: string;
  readonly digest: string;
}

async function train(change: Change, more: More = {}): Promise<Trained> {
  const { target } = smallExperiment(change);
  const events: TrainingEvent[] = [];
  const folder = more.checkpoint_dir ?? join(root, `run${folders++}`);
  const result = await runTraining({
    engine,
    spec: target,
    run: target.runs[0]!,
    dataset,
    trainer,
    config_digest: "d",
    save_every: 1000,
    eval_every: 0,
    onEvent: (event) => events.push(event),
    ...more,
    checkpoint_dir: folder,
  });
  return { result, events, folder, digest: stateDigest(result.weights) };
}

/** Layers without dropout, so that the same samples give the same gradients in batches of any size. */
const plain = [
  {
    type: "ResidualTopology",
    layers: [
      { type: "RMSNormLayer", d_model: 8 },
      { type: "AttentionLayer", d_model: 8, n_heads: 2 },
    ],
  },
  { type: "LinearLayer", d_in: 8, d_out: 12 },
];

describe("validation while training", () => {
  it("comes every eval_iters steps and at the end, and is the mean over all held-out batches", async () => {
    const { result, events } = await train({ steps: 10, layers: plain }, { eval_every: 4 });
    const validations = events.filter(({ type }) => type === "validation");
    expect(validations.map(({ step }) => step)).toEqual([4, 8, 10]);
    const { target } = smallExperiment({ layers: plain });
    const model = new ModelRunner(engine, target, dataset.trainBatch(0, 0, 4), result.weights);
    const losses: number[] = [];
    for (const batch of dataset.valBatches(4, 5)) losses.push((await model.figures(batch))["loss"]!);
    model.dispose();
    expect(losses.length).toBeGreaterThan(1);
    const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
    expect(result.validation!.figures["loss"]).toBeCloseTo(mean, 5);
    expect(result.validation!.batches).toBe(losses.length);
  });

  it("changes nothing of the training", async () => {
    const often = await train({ steps: 6 }, { eval_every: 1 });
    const never = await train({ steps: 6 });
    expect(often.digest).toBe(never.digest);
  });

  it("is null, and no guess, where nothing is held out", async () => {
    const all = await openDataset(smallExperiment().target.data, { root, val_frac: 0 });
    const { result } = await train({ steps: 2 }, { eval_every: 1, dataset: all });
    expect(result.validation).toBeNull();
  });
});

describe("a step", () => {
  it("of several small batches is that of a larger one", async () => {
    const small = { batch_size: 4, gradient_accumulation_steps: 4 };
    const many = await train({ steps: 4, layers: plain, train: { optimizer: "sgd", ...small } });
    const one = await train({ steps: 4, layers: plain, train: { optimizer: "sgd", batch_size: 16 } });
    for (const [name, { data }] of one.result.weights) {
      for (const [i, value] of data.entries()) expect(many.result.weights.get(name)!.data[i]).toBeCloseTo(value, 5);
    }
    expect(many.result.figures["loss"]).toBeCloseTo(one.result.figures["loss"]!, 5);
  });

  it.each(["none", "constant", "linear", "cosine"])("has the learning rate of its schedule: %s", async (scheduler) => {
    const schedule = { scheduler, warmup_steps: 3, min_lr_ratio: 0.1, lr: 0.01, telemetry_interval: 1 };
    const { events } = await train({ steps: 8, train: schedule });
    const rates = events.flatMap((event) => (event.type === "metrics" ? [event.data.metrics["lr"]!] : []));
    const { train: lowered } = smallExperiment({ train: schedule }).target.runs[0]!;
    expect(rates).toEqual(Array.from({ length: 8 }, (_, step) => 0.01 * learningRateFactor(lowered, step, 8)));
    expect(new Set(rates).size).toBeGreaterThan(scheduler === "none" ? 0 : 2);
  });

  it("that is clipped moves by what the norm allows, also when its gradient is accumulated", async () => {
    for (const gradient_accumulation_steps of [1, 3]) {
      const { result } = await train({
        steps: 1,
        layers: plain,
        train: { optimizer: "sgd", lr: 1, grad_clip_norm: 0.01, gradient_accumulation_steps },
      });
      let moved = 0;
      for (const [name, { data }] of result.weights) {
        for (const [i, value] of data.entries()) moved += (value - result.initial.get(name)!.data[i]!) ** 2;
      }
      expect(result.figures["grad_norm"]).toBeGreaterThan(0.01);
      expect(Math.sqrt(moved)).toBeCloseTo(0.01, 4);
    }
  });
});

describe("checkpoints", () => {
  it("come every save_every steps, the last one alone, and give way to the final one", async () => {
    const { events, folder } = await train({ steps: 7 }, { save_every: 2 });
    const saved = events.flatMap((event) =>
      event.type === "checkpoint" ? [event.data.path.slice(folder.length + 1)] : [],
    );
    const step = (n: number | string): string => `r_standard_${typeof n === "number" ? "step" : ""}${n}.safetensors`;
    expect(saved).toEqual([step(2), step(4), step(6), step("final")]);
    expect(readdirSync(folder)).toEqual([step("final")]);
  });

  it("keep the best validation's weights, not the last ones", async () => {
    const { result, folder } = await train(
      { steps: 12, train: { lr: 0.3 } },
      { eval_every: 2, trainer: { ...trainer, keep_best: true } },
    );
    const best = await readCheckpoint(join(folder, "r_standard_best.safetensors"));
    expect(best.steps).toBe(result.progress.best_val_step);
    expect(best.progress.best_val_loss).toBe(result.progress.best_val_loss);
    const { target } = smallExperiment();
    const model = new ModelRunner(engine, target, dataset.trainBatch(0, 0, 4), best.weights);
    const losses: number[] = [];
    for (const batch of dataset.valBatches(4, 5)) losses.push((await model.figures(batch))["loss"]!);
    model.dispose();
    expect(losses.reduce((a, b) => a + b, 0) / losses.length).toBeCloseTo(best.progress.best_val_loss!, 5);
  });
});

describe("a run that was interrupted", () => {
  const moe = [
    { type: "RMSNormLayer", d_model: 8 },
    { type: "MoELayer", d_model: 8, num_experts: 4, top_k: 2, d_ff: 8 },
    { type: "DropoutLayer", p: 0.2 },
    { type: "LinearLayer", d_in: 8, d_out: 12 },
  ];
  const cases: readonly (readonly [string, Change])[] = [
    ["adamw", { train: { optimizer: "adamw", weight_decay: 0.1 } }],
    ["sgd", { train: { optimizer: "sgd" } }],
    ["lion", { train: { optimizer: "lion", lr: 0.001 } }],
    [
      "a schedule, clipping and accumulation",
      {
        train: { scheduler: "cosine", warmup_steps: 2, grad_clip_norm: 0.5, gradient_accumulation_steps: 2 },
      },
    ],
    ["experts and their load", { layers: moe }],
  ];

  it.each(cases)("goes on bit for bit, wherever that was: %s", async (_, change) => {
    const steps = 6;
    const whole = await train({ steps, ...change });
    for (let stopAt = 1; stopAt < steps; stopAt++) {
      const stop = new AbortController();
      let seen = 0;
      const first = await train(
        { steps, ...change },
        { signal: stop.signal, onStep: () => ++seen === stopAt && stop.abort() },
      );
      expect([first.result.reason, first.result.steps]).toEqual(["interrupted", stopAt]);
      const second = await train({ steps, ...change }, { checkpoint_dir: first.folder });
      expect(second.result.resumed_from).toBe(stopAt);
      expect(second.digest).toBe(whole.digest);
      expect(second.result.figures).toEqual(whole.result.figures);
      expect(second.result.validation).toEqual(whole.result.validation);
    }
  });

  it("counts on what it remembers: early stopping comes at the same step", async () => {
    const change = { steps: 40, train: { lr: 1e-9 } };
    const more = {
      eval_every: 2,
      trainer: { ...trainer, early_stopping_patience: 3, early_stopping_min_delta: 1, keep_best: true },
    };
    const whole = await train(change, more);
    expect([whole.result.reason, whole.result.steps]).toEqual(["early_stopping", 8]);
    const stop = new AbortController();
    let seen = 0;
    const first = await train(change, { ...more, signal: stop.signal, onStep: () => ++seen === 5 && stop.abort() });
    const second = await train(change, { ...more, checkpoint_dir: first.folder });
    expect([second.result.reason, second.result.steps]).toEqual(["early_stopping", 8]);
    expect(second.result.progress).toEqual(whole.result.progress);
  });

  it("starts again where auto_resume is false, and goes on from a file that is named", async () => {
    const stop = new AbortController();
    const first = await train({ steps: 4 }, { signal: stop.signal, onStep: () => stop.abort() });
    const again = await train({ steps: 4, train: { auto_resume: false } }, { checkpoint_dir: first.folder });
    expect(again.result.resumed_from).toBeNull();
    const stopTwo = new AbortController();
    const other = await train({ steps: 4 }, { signal: stopTwo.signal, onStep: () => stopTwo.abort() });
    const resume_from = join(other.folder, "r_standard_step1.safetensors");
    const named = await train({ steps: 4, train: { auto_resume: false } }, { trainer: { ...trainer, resume_from } });
    expect(named.result.resumed_from).toBe(1);
    expect(named.digest).toBe(again.digest);
    const none = train({ steps: 4 }, { trainer: { ...trainer, resume_from: join(root, "none.safetensors") } });
    await expect(none).rejects.toMatchObject({ code: "missing_file" });
  });
});

describe("a run ends", () => {
  it("when its loss reaches convergence_target, at the latest after convergence_max_steps", async () => {
    const reached = await train({ steps: 200, train: { lr: 0.03, convergence_target: 2.2 } });
    expect(reached.result.reason).toBe("converged");
    expect(reached.result.steps).toBeLessThan(200);
    expect(reached.result.figures["loss"]).toBeLessThanOrEqual(2.2);
    const late = await train({ steps: 200, train: { convergence_target: 1e-9, convergence_max_steps: 5 } });
    expect([late.result.reason, late.result.steps]).toEqual(["steps", 5]);
  });

  it("with the step and what to change where its loss is no number", async () => {
    const run = train({ steps: 50, layers: plain, train: { optimizer: "sgd", lr: 1e30 } });
    await expect(run).rejects.toMatchObject({ code: "not_finite" });
    await expect(run).rejects.toThrow(/the loss of step \d+ is .*lower lr, or set grad_clip_norm/);
  });
});

describe("the metrics of a target", () => {
  it("are among the figures of training and of validation", async () => {
    const metrics = [{ ref: "metric.perplexity", impl: null, config: {} }] as const;
    const { result } = await train({ steps: 2 }, { metrics });
    expect(result.figures["perplexity"]).toBe(Math.exp(result.figures["loss"]!));
    expect(result.validation!.figures["perplexity"]).toBe(Math.exp(result.validation!.figures["loss"]!));
    const speed = train({ steps: 2 }, { metrics: [{ ref: "evaluator.latency", impl: null, config: {} }] });
    await expect(speed).rejects.toThrow(
      "evaluator.latency cannot be measured here; benchmarks measure speed and memory",
    );
  });
});
