import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lowerManifest, parseManifest } from "@vrx/manifest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { ForwardPass, PARAMETER, RANDOM_KEY } from "../src/layers/forward-pass.js";
import { linear, loraLinear } from "../src/layers/linear.js";
import { mergeLora } from "../src/layers/merge-lora.js";
import { loadCustomCode } from "../src/run/load-custom-code.js";
import { BATCH, LOSS, METRIC, buildForward, buildLoss } from "../src/system/build-system.js";
import { Weights } from "../src/system/weights.js";
import { Graph } from "../src/tensor/graph.js";
import { languageModel } from "./support/models.js";

let engine: Engine;
beforeAll(async () => {
  engine = await openJaxEngine();
});

describe("dropout", () => {
  const count = 4000;
  /** What becomes of ones, and the gradient of their sum, for a key. */
  async function dropped(key: number, training = true) {
    const graph = new Graph();
    const pass = new ForwardPass(graph, { training });
    const x = graph.input("x", [count]);
    const [first, second] = [pass.dropout(x, 0.25), pass.dropout(x, 0.25)];
    graph.output("first", first);
    graph.output("second", second);
    graph.output("loss", graph.sum(first));
    const run = engine.prepare({
      kind: "differentiate",
      program: graph.program(),
      loss: "loss",
      with_respect_to: ["x"],
    });
    const found = run.run({
      x: engine.put(new Float32Array(count).fill(1), [count]),
      [RANDOM_KEY]: engine.put(Uint32Array.of(key), []),
    });
    const read = async (name: string) => [...(await engine.read(found[name]!))];
    return { first: await read("first"), second: await read("second"), gradient: await read("gradient:x") };
  }

  it("sets a quarter to zero, scales the others up, and lets the gradient through where it let the number through", async () => {
    const { first, second, gradient } = await dropped(7);
    const zeros = first.filter((value) => value === 0).length;
    // Five standard deviations of a binomial.
    expect(Math.abs(zeros - count / 4)).toBeLessThan(5 * Math.sqrt(count * 0.25 * 0.75));
    for (const value of first) if (value !== 0) expect(value).toBeCloseTo(4 / 3, 6);
    expect(gradient).toEqual(first);
    expect(second).not.toEqual(first);
    expect((await dropped(7)).first).toEqual(first);
    expect((await dropped(8)).first).not.toEqual(first);
  });

  it("does nothing outside training", async () => {
    expect(new Set((await dropped(7, false)).first)).toEqual(new Set([1]));
  });
});

describe("a low-rank update", () => {
  it("is worth as much merged into its base", async () => {
    const sizes = { d_in: 5, d_out: 3 };
    const config = { ...sizes, r: 2, alpha: 6, dropout: 0, bias: true, freeze_base: true };
    const values = (shape: readonly number[], from: number) =>
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(from + 1.7 * i));
    const compute = async (
      build: (pass: ForwardPass) => void,
      state: ReadonlyMap<string, { data: Float32Array; shape: readonly number[] }>,
    ) => {
      const graph = new Graph();
      build(new ForwardPass(graph));
      const run = engine.prepare({ kind: "evaluate", program: graph.program() });
      const parameters = [...state].map(
        ([name, { data, shape }]) => [PARAMETER + name, engine.put(data, shape)] as const,
      );
      const x = engine.put(values([2, 5], 0.5), [2, 5]);
      return [...(await engine.read(run.run({ ...Object.fromEntries(parameters), x })["y"]!))];
    };
    const shapes = { "a.weight": [3, 5], "a.bias": [3], "a.lora_a": [5, 2], "a.lora_b": [2, 3] };
    const state = new Map(
      Object.entries(shapes).map(([name, shape], i) => [name, { shape, data: values(shape, i) }] as const),
    );
    const merged = mergeLora(state, (path) => (path === "a" ? 6 : NaN));
    expect([...merged.keys()]).toEqual(["a.weight", "a.bias"]);
    const apart = await compute((pass) => {
      pass.graph.output("y", loraLinear(pass, "a", pass.graph.input("x", [2, 5]), config));
    }, state);
    const together = await compute((pass) => {
      pass.graph.output("y", linear(pass, "a", pass.graph.input("x", [2, 5]), sizes));
    }, merged);
    for (const [i, value] of together.entries()) expect(value).toBeCloseTo(apart[i]!, 5);
    expect(apart).not.toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("the balance of a mixture of experts", () => {
  it("is part of the objective while training, and beside it otherwise", async () => {
    const { spec } = languageModel([
      { type: "MoELayer", d_model: 16, num_experts: 4, top_k: 2, d_ff: 8, load_balancing_weight: 0.5 },
    ]);
    const ids = { shape: [2, 8], dtype: "int32" as const };
    const figures = async (training: boolean) => {
      const { program, parameters } = buildLoss(spec, { input_ids: ids, target_ids: ids }, { training });
      const weights = new Weights(engine, parameters, 3);
      const batch = engine.put(
        Int32Array.from({ length: 16 }, (_, i) => i),
        [2, 8],
      );
      const run = engine.prepare({ kind: "evaluate", program });
      const found = run.run({ ...weights.inputs(), [`${BATCH}input_ids`]: batch, [`${BATCH}target_ids`]: batch });
      const read = async (name: string) => (await engine.read(found[name]!))[0]!;
      const balance = Object.keys(found).find((name) => name.endsWith("balance"))!;
      return { loss: await read(LOSS), task: await read(`${METRIC}task_loss`), balance: await read(balance) };
    };
    const [training, otherwise] = [await figures(true), await figures(false)];
    expect(training.balance).toBeGreaterThan(0.9);
    expect(training.loss).toBeCloseTo(training.task + 0.5 * training.balance, 5);
    expect(otherwise.loss).toBe(otherwise.task);
    expect(otherwise.balance).toBeCloseTo(training.balance, 6);
  });
});

describe("a graph with an operation of the user's", () => {
  const root = mkdtempSync(join(tmpdir(), "vrx-op-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("runs it, with a parameter of its own, and differentiates through it", async () => {
    writeFileSync(
      join(root, "op.mjs"),
      `export function squareAndHalf(pass, path, [x], { by }) {
         const scale = pass.parameter(path + ".scale", [1], { kind: "constant", value: by });
         return [pass.graph.mul(pass.graph.unary("square", x), scale), pass.graph.mul(x, 0.5)];
       }\n`,
    );
    const document = {
      version: 2,
      defaults: {},
      targets: [
        {
          type: "experiment",
          name: "t",
          backend: "jax",
          task: "task.classification",
          data: { ref: "dataset.npy_supervised", config: { x_path: "x.npy", y_path: "y.npy" } },
          system: {
            ref: "system.graph",
            config: {
              topology: {
                type: "GraphTopology",
                layers: [
                  {
                    id: "own",
                    in: "inputs",
                    out: ["square", "half"],
                    op: "js:./op.mjs#squareAndHalf",
                    config: { by: 3 },
                  },
                  { id: "sum", in: ["square", "half"], out: "logits", op: "Add", config: {} },
                ],
              },
              output_keys: ["logits"],
            },
          },
          objective: { ref: "objective.classification_ce", config: { labels_key: "targets" } },
          trainer: "trainer.standard",
          runs: [
            { id: "r", mode: "train", steps: 1, train: { phase: "standard", batch_size: 1, block_size: 1, lr: 0.1 } },
          ],
        },
      ],
    };
    const [target] = lowerManifest(parseManifest(JSON.stringify(document))).targets;
    if (target?.type !== "experiment") throw new Error("no experiment");
    const code = await loadCustomCode(target, root);
    const inputs = { inputs: { shape: [1, 2], dtype: "float32" as const } };
    const forward = buildForward({ system: target.system, code }, inputs);
    expect(forward.parameters.map(({ name }) => name)).toEqual(["topology.layers.own.scale"]);
    const weights = new Weights(engine, forward.parameters, 1);
    const x = engine.put(Float32Array.of(2, 4), [1, 2]);
    const outputs = engine
      .prepare({ kind: "evaluate", program: forward.program })
      .run({ ...weights.inputs(), [`${BATCH}inputs`]: x });
    expect([...(await engine.read(outputs["output:logits"]!))]).toEqual([13, 50]);

    const spec = { system: target.system, objective: target.objective, code };
    const labels = { targets: { shape: [1], dtype: "int32" as const } };
    const { program } = buildLoss(spec, { ...inputs, ...labels }, { training: true });
    const wanted = `${PARAMETER}topology.layers.own.scale`;
    const found = engine
      .prepare({ kind: "differentiate", program, loss: LOSS, with_respect_to: [wanted] })
      .run({ ...weights.inputs(), [`${BATCH}inputs`]: x, [`${BATCH}targets`]: engine.put(Int32Array.of(0), [1]) });
    // The wrong class is all but certain, and its score grows by 16 where the right one grows by 4.
    expect((await engine.read(found[`gradient:${wanted}`]!))[0]).toBeCloseTo(12, 5);
  });
});
