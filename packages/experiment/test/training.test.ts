import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../src/data/open-dataset.js";
import type { Dataset } from "../src/data/dataset.js";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { type OptimizerName, optimizerNamed } from "../src/train/optimizer.js";
import { runTraining } from "../src/train/run-training.js";
import { learningRateFactor } from "../src/train/schedule.js";
import { TrainingSession, batchSpec } from "../src/train/training-session.js";
import { Graph } from "../src/tensor/graph.js";
import { plainTrainer as trainer, smallExperiment } from "./support/experiments.js";
import { readGoldens } from "./support/goldens.js";

const root = mkdtempSync(join(tmpdir(), "vrx-training-"));
let engine: Engine;
let dataset: Dataset;

beforeAll(async () => {
  engine = await openJaxEngine();
  dataset = await openDataset(smallExperiment().target.data, { root, val_frac: 0.2 });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function train(change: Parameters<typeof smallExperiment>[0], more: Partial<Parameters<typeof runTraining>[0]> = {}) {
  const { target } = smallExperiment(change);
  const common = { engine, spec: target, run: target.runs[0]!, dataset, trainer, config_digest: "d" };
  return runTraining({ ...common, checkpoint_dir: join(root, "ck"), save_every: 1000, eval_every: 0, ...more });
}

describe("training", () => {
  it("learns, and says what is possible on held-out data", async () => {
    const { validation, figures } = await train({ steps: 60, train: { lr: 0.03 } });
    expect(figures["loss"]).toBeLessThan(2);
    expect(validation!.figures["loss"]).toBeLessThan(validation!.guessing!);
    expect(validation!.figures["loss"]).toBeGreaterThan(validation!.floor! * 0.99);
  });

  it("takes the mean of the gradients it accumulates: four batches of two are one of eight", async () => {
    // An embedding right before a linear layer: what comes back to it is only another view of a product.
    const { target } = smallExperiment({ layers: [{ type: "LinearLayer", d_in: 8, d_out: 12 }] });
    const [run] = target.runs;
    const whole = dataset.trainBatch(1, 0, 8);
    const session = (accumulate: number, size: number) =>
      new TrainingSession({
        engine,
        spec: target,
        train: { ...run!.train, optimizer: "sgd", gradient_accumulation_steps: accumulate },
        seed: 1,
        batch: batchSpec(dataset.trainBatch(1, 0, size)),
      });
    const part = (row: number) =>
      Object.fromEntries(
        Object.entries(whole).map(([key, { data }]) => [
          key,
          { data: data.slice(row * 16, (row + 2) * 16), shape: [2, 16] },
        ]),
      );
    const [one, four] = [session(1, 8), session(4, 2)];
    const a = await one.step([whole], 0.1);
    const b = await four.step([part(0), part(2), part(4), part(6)], 0.1);
    expect(b["loss"]).toBeCloseTo(a["loss"]!, 5);
    expect(b["grad_norm"]).toBeCloseTo(a["grad_norm"]!, 5);
    const [left, right] = [await one.weights.read(), await four.weights.read()];
    for (const [name, { data }] of left) {
      for (const [i, value] of data.entries()) expect(right.get(name)!.data[i]).toBeCloseTo(value, 5);
    }
    one.dispose();
    four.dispose();
  });

  it("does not take a target that is no class for a good guess, nor count one that is to be ignored", async () => {
    const { target } = smallExperiment();
    const batch = dataset.trainBatch(1, 0, 2);
    const common = { engine, spec: target, train: target.runs[0]!.train, seed: 1, batch: batchSpec(batch) };
    const withTarget = (id: number) => {
      const { data, shape } = batch["target_ids"]!;
      return { ...batch, target_ids: { shape, data: Int32Array.from(data, (own, i) => (i === 3 ? id : own)) } };
    };
    const session = new TrainingSession(common);
    expect((await session.evaluate(withTarget(12)))["loss"]).toBe(Infinity);
    expect((await session.evaluate(withTarget(-1)))["loss"]).toBe(Infinity);
    const ignored = (await session.evaluate(withTarget(-100)))["loss"]!;
    expect(ignored).toBeLessThan(20);
    await expect(session.step([withTarget(12)], 0.1)).rejects.toMatchObject({ code: "not_finite" });
    session.dispose();
  });

  it("clips the whole gradient to its norm", async () => {
    const { target } = smallExperiment({ train: { optimizer: "sgd", grad_clip_norm: 0.01 } });
    const run = target.runs[0]!;
    const batch = dataset.trainBatch(1, 0, 4);
    const session = new TrainingSession({ engine, spec: target, train: run.train, seed: 1, batch: batchSpec(batch) });
    const before = await session.weights.read();
    const { grad_norm } = await session.step([batch], 1);
    expect(grad_norm).toBeGreaterThan(0.01);
    let moved = 0;
    for (const [name, { data }] of await session.weights.read()) {
      for (const [i, value] of data.entries()) moved += (value - before.get(name)!.data[i]!) ** 2;
    }
    expect(Math.sqrt(moved)).toBeCloseTo(0.01, 4);
    session.dispose();
  });

  it("stops early, keeps the best, and stops where it has converged or will not", async () => {
    const early = await train(
      { steps: 40, train: { lr: 1e-9 } },
      {
        eval_every: 2,
        trainer: { ...trainer, early_stopping_patience: 2, early_stopping_min_delta: 1, keep_best: true },
      },
    );
    expect([early.reason, early.steps]).toEqual(["early_stopping", 6]);
    expect(early.progress.best_val_step).toBe(2);
    const converged = await train({ steps: 40, train: { convergence_target: 1000 } });
    expect([converged.reason, converged.steps]).toEqual(["converged", 1]);
    const stuck = await train({ steps: 40, train: { lr: 1e-12, convergence_target: 1e-9, convergence_patience: 3 } });
    expect(stuck.reason).toBe("not_converging");
  });

  it("leaves a frozen base alone and trains what is low-rank", async () => {
    const layers = [
      { type: "LoRALinearLayer", d_in: 8, d_out: 8, r: 2 },
      { type: "LinearLayer", d_in: 8, d_out: 12 },
    ];
    const { initial, weights } = await train({ steps: 3, layers });
    const changed = [...weights].filter(([name, { data }]) => data.some((v, i) => v !== initial.get(name)!.data[i]));
    const names = changed.map(([name]) => name);
    expect(names).toContain("topology.layers.0.lora_b");
    expect(names).not.toContain("topology.layers.0.weight");
  });

  it("refuses a checkpoint of another configuration", async () => {
    const stop = new AbortController();
    const folder = join(root, "other");
    await train({ steps: 6 }, { checkpoint_dir: folder, signal: stop.signal, onStep: () => stop.abort() });
    const again = train({ steps: 6 }, { checkpoint_dir: folder, config_digest: "another" });
    await expect(again).rejects.toMatchObject({ code: "checkpoint_mismatch" });
  });
});

describe("the optimisers", () => {
  it.each(readGoldens().optimizers.map((golden) => [golden.name, golden] as const))(
    "%s agrees with PyTorch's",
    async (name, golden) => {
      const optimizer = optimizerNamed(name.replace("optimizer_", "") as OptimizerName, golden.weight_decay);
      const { shape } = golden.start;
      const graph = new Graph();
      const given = (key: string, size: readonly number[]) => graph.input(key, size);
      const scalars = Object.fromEntries(Object.keys(optimizer.scalars(1)).map((key) => [key, given(key, [])]));
      const next = optimizer.apply(graph, {
        parameter: given("parameter", shape),
        gradient: given("gradient", shape),
        slots: Object.fromEntries(optimizer.slots.map((slot) => [slot, given(slot, shape)])),
        lr: given("lr", []),
        scalars,
      });
      graph.output("parameter", next.parameter);
      for (const [slot, value] of Object.entries(next.slots)) graph.output(slot, value);
      const run = engine.prepare({ kind: "evaluate", program: graph.program() });
      let state = Object.fromEntries(optimizer.slots.map((slot) => [slot, engine.put(new Float32Array(12), shape)]));
      state["parameter"] = engine.put(Float32Array.from(golden.start.data), shape);
      for (const [i, gradient] of golden.gradients.entries()) {
        const numbers = Object.entries({ lr: golden.lr, ...optimizer.scalars(i + 1) });
        state = run.run({
          ...state,
          gradient: engine.put(Float32Array.from(gradient.data), shape),
          ...Object.fromEntries(numbers.map(([key, value]) => [key, engine.put(Float32Array.of(value), [])])),
        });
        const found = await engine.read(state["parameter"]!);
        for (const [at, value] of golden.trace[i]!.data.entries()) expect(found[at]).toBeCloseTo(value, 5);
      }
    },
  );
});

describe("the learning rate", () => {
  it("rises, then falls as the schedule says", () => {
    const at = (scheduler: "none" | "linear" | "cosine" | "constant", step: number) =>
      learningRateFactor({ scheduler, warmup_steps: 10, min_lr_ratio: 0.1 }, step, 110);
    expect([at("none", 0), at("none", 99)]).toEqual([1, 1]);
    expect([at("cosine", 0), at("cosine", 9), at("cosine", 10)]).toEqual([0.1, 1, 1]);
    expect(at("cosine", 60)).toBeCloseTo(0.55, 12);
    expect(at("linear", 110)).toBeCloseTo(0.1, 12);
    expect(at("constant", 109)).toBe(1);
  });
});
