import { checkRunnable, lowerManifest, parseManifest, planManifest, type Model } from "@vrx/manifest";
import { describe, expect, it } from "vitest";
import { embeddedCapabilities } from "../src/capabilities.js";
import { ForwardPass } from "../src/layers/forward-pass.js";
import { applyModel } from "../src/system/model.js";
import { Graph } from "../src/tensor/graph.js";

interface Change {
  readonly model?: object;
  readonly attention?: object;
  readonly train?: object;
  readonly latency?: object;
}

function manifest({ model = {}, attention = {}, train = {}, latency }: Change) {
  const document = {
    version: 2,
    defaults: {},
    targets: [
      {
        type: "experiment",
        name: "t",
        backend: "jax",
        task: "task.language_modeling",
        data: { ref: "dataset.random_tokens", config: { vocab_size: 16, block_size: 8 } },
        system: {
          ref: "system.language_model",
          config: {
            model: {
              type: "TransformerModel",
              embedder: { type: "token", vocab_size: 16, d_model: 8 },
              topology: {
                type: "StackedTopology",
                layers: [{ type: "AttentionLayer", d_model: 8, n_heads: 2, ...attention }],
              },
              ...model,
            },
          },
        },
        objective: "objective.next_token_ce",
        trainer: "trainer.standard",
        runs: [
          {
            id: "r",
            mode: "train",
            steps: 1,
            train: { phase: "standard", batch_size: 2, block_size: 8, lr: 0.01, ...train },
          },
        ],
        ...(latency === undefined
          ? {}
          : { benchmarks: [{ id: "speed", config: { type: "latency", ...latency }, models: ["student"] }] }),
      },
    ],
  };
  return parseManifest(JSON.stringify(document));
}

const blockers = (change: Change) =>
  checkRunnable(planManifest(manifest(change), { target: "t" }), {
    backends: { jax: { status: "available", devices: ["cpu"], capabilities: embeddedCapabilities } },
    memory_bytes: null,
    network: false,
    generate_data: false,
    exists: () => false,
    hasTokenizer: () => true,
    processes: [],
  }).map(({ code, message, pointer }) => ({ code, message, field: pointer.split("/").at(-1) }));

const head = { enabled: true };

describe("before anything runs, the embedded engine", () => {
  it("has nothing against a model that it runs, nor against a cache of no kind in particular", () => {
    expect(blockers({ latency: {} })).toEqual([]);
    expect(blockers({ latency: { cache_kind: "fp32" } })).toEqual([]);
  });

  it.each([
    ["diffusion_head", { model: { diffusion_head: head } }],
    ["target_params", { model: { target_params: 1000 } }],
    ["mem_block", { attention: { local_window: 4, mem_block: 4 } }],
    ["dtype", { train: { dtype: "float16" } }],
    ["dtype", { train: { dtype: "bfloat16" } }],
    ["use_amp", { train: { use_amp: true } }],
    ["activation_checkpointing", { train: { activation_checkpointing: true } }],
    ["compile_model", { train: { compile_model: true } }],
    ["cache_kind", { latency: { cache_kind: "fp16" } }],
    ["cache_kind", { latency: { cache_kind: "q4" } }],
  ] as const)("says that it does not honour %s", (field, change) => {
    const found = blockers(change);
    // An object is told of twice: as the field it stands in, and as what it is.
    expect(new Set(found.map((one) => `${one.code} ${one.field}`))).toEqual(new Set([`not_honoured ${field}`]));
    expect(found.some(({ message }) => message.includes(field))).toBe(true);
  });
});

describe("whoever builds a program all the same", () => {
  const build = (change: Change) => {
    const target = lowerManifest(manifest(change)).targets[0]!;
    if (target.type !== "experiment" || target.system.impl !== null) throw new Error("no experiment");
    const { model } = target.system.config as { readonly model: Model };
    const graph = new Graph();
    applyModel(new ForwardPass(graph), "", model, graph.input("x", [2, 8], "int32"));
  };

  it.each([
    ["diffusion_head", { model: { diffusion_head: head } }],
    ["mem_block", { attention: { local_window: 4, mem_block: 4 } }],
  ] as const)("is told of %s", (field, change) => {
    expect(() => build(change)).toThrow(
      expect.objectContaining({ code: "unsupported", message: expect.stringContaining(field) as string }),
    );
  });
});
