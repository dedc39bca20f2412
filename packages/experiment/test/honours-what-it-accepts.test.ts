import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { manifestObjects } from "@vrx/manifest";
import { describe, expect, it } from "vitest";
import { embeddedCapabilities } from "../src/capabilities.js";

const { kinds } = embeddedCapabilities;
const workspace = fileURLToPath(new URL("../../..", import.meta.url));
const sources = new Map<string, string>();

function sourceOf(file: string): string {
  const known = sources.get(file);
  if (known !== undefined) return known;
  const path = file.includes("/src/") ? file : `packages/experiment/src/${file}`;
  // What comments say is no use of a field.
  const text = readFileSync(`${workspace}/${path}`, "utf8").replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
  sources.set(file, text);
  return text;
}

/** Where the fields of an object are used. Those that only tell objects apart or are written out by lowering are in no table. */
const places: Readonly<Record<string, readonly string[]>> = {
  defaults: ["run/run-target.ts", "run/train-in-target.ts"],
  "defaults.data": ["run/run-target.ts", "data/prepare-text.ts"],
  "defaults.logging": ["run/train-in-target.ts", "run/wandb-log.ts", "tools/cli/src/actions/manifest-run.ts"],
  "defaults.runtime": ["run/train-in-target.ts", "tools/cli/src/actions/manifest-run.ts"],
  "experiment target": [
    "run/run-target.ts",
    "run/train-in-target.ts",
    "run/trained-models.ts",
    "run/trainer-settings.ts",
  ],
  run: ["run/run-target.ts", "run/train-in-target.ts", "run/target-report.ts"],
  "expected range": ["run/expectations.ts"],
  train: [
    "train/run-training.ts",
    "train/schedule.ts",
    "train/training-step.ts",
    "run/contract-record.ts",
    "run/trained-models.ts",
    "run/train-in-target.ts",
    "run/run-target.ts",
  ],
  "dataset.tokens config": ["data/open-dataset.ts"],
  "dataset.npy_supervised config": ["data/open-dataset.ts"],
  "dataset.graph_npy config": ["data/open-dataset.ts"],
  "dataset.diffusion_vector config": ["data/open-dataset.ts"],
  "dataset.random_tokens config": ["data/token-dataset.ts"],
  "dataset.tensors config": ["data/open-dataset.ts"],
  "prepare text": ["data/prepare-text.ts"],
  "bpe tokenizer": ["data/prepare-text.ts"],
  "hf-json tokenizer": ["data/prepare-text.ts"],
  "tiktoken tokenizer": ["data/prepare-text.ts"],
  "prepare generate tokens": ["data/generate.ts"],
  "prepare generate classes": ["data/generate.ts"],
  "prepare generate graph": ["data/generate.ts"],
  "prepare generate mixture": ["data/generate.ts"],
  rename_keys: ["data/sample-dataset.ts"],
  cast_dtype: ["data/sample-dataset.ts"],
  add_mask: ["data/sample-dataset.ts"],
  token_shift: ["data/sample-dataset.ts"],
  gaussian_noise: ["data/sample-dataset.ts"],
  model: ["system/model.ts"],
  "token embedder": ["layers/embedder.ts"],
  "patch embedder": ["layers/embedder.ts"],
  LinearLayer: ["layers/linear.ts"],
  LoRALinearLayer: ["layers/linear.ts"],
  LayerNormLayer: ["layers/normalization.ts", "layers/layer.ts"],
  RMSNormLayer: ["layers/normalization.ts", "layers/layer.ts"],
  DropoutLayer: ["layers/layer.ts"],
  SwiGLULayer: ["layers/feed-forward.ts", "layers/layer.ts"],
  GLULayer: ["layers/feed-forward.ts", "layers/layer.ts"],
  DenseLayer: ["layers/feed-forward.ts"],
  MoELayer: ["layers/mixture-of-experts.ts"],
  SSMLayer: ["layers/state-space.ts"],
  Conv2dLayer: ["layers/convolution.ts"],
  RNNLayer: ["layers/recurrent.ts"],
  GraphConvLayer: ["layers/graph-convolution.ts"],
  AttentionLayer: ["layers/attention.ts"],
  RopeScaling: ["layers/rope.ts"],
  StackedTopology: ["layers/topology.ts"],
  NestedTopology: ["layers/topology.ts"],
  SequentialTopology: ["layers/topology.ts"],
  CyclicTopology: ["layers/topology.ts"],
  ResidualTopology: ["layers/topology.ts"],
  ParallelTopology: ["layers/topology.ts"],
  BranchingTopology: ["layers/topology.ts"],
  RecurrentTopology: ["layers/topology.ts"],
  GraphTopology: ["layers/graph-topology.ts"],
  GraphNode: ["layers/graph-topology.ts"],
  "system.language_model config": ["system/apply-system.ts"],
  "system.generic config": ["system/apply-system.ts"],
  "system.graph config": ["system/apply-system.ts"],
  "system.mlp_classifier config": ["system/apply-system.ts"],
  "system.gcn config": ["system/apply-system.ts"],
  "system.diffusion_denoiser config": ["system/apply-system.ts"],
  "objective.next_token_ce config": ["system/apply-objective.ts"],
  "objective.classification_ce config": ["system/apply-objective.ts"],
  "objective.mse config": ["system/apply-objective.ts"],
  "trainer.standard config": ["run/run-target.ts", "train/run-training.ts", "run/trainer-settings.ts"],
  "trainer.gradient_isolation config": ["run/trainer-settings.ts"],
  "verify compare": ["verify/verify-run.ts"],
  "verify fidelity": ["verify/verify-run.ts"],
  "verify eval": ["verify/verify-run.ts", "verify/answer-cases.ts", "run/trained-models.ts"],
  "verify kvcache": ["verify/verify-run.ts"],
  "standard cache": ["verify/verify-run.ts"],
  "decoupled cache": ["verify/verify-run.ts"],
  "L1 thresholds": ["verify/verify-run.ts"],
  "eval case": ["verify/answer-cases.ts"],
  "eval thresholds": ["verify/verify-run.ts"],
  tiktoken: ["run/eval-tokenizer.ts"],
  llama: ["run/eval-tokenizer.ts"],
  "hf-json": ["run/eval-tokenizer.ts"],
  benchmark: ["benchmark/run-benchmarks.ts"],
  "benchmark perplexity": ["benchmark/benchmarks.ts", "benchmark/run-benchmarks.ts"],
  "benchmark latency": ["benchmark/benchmarks.ts"],
  "benchmark memory": ["benchmark/benchmarks.ts"],
};

/** Fields that need no place of their own, and why. */
const elsewhere: Readonly<Record<string, string>> = {
  "*.type": "tells objects apart",
  "*.ref": "tells components apart",
  "*.impl": "null in what is built in",
  "*.config": "its fields are asked for one by one",
  "*.repeat": "written out by lowering",
  "experiment target.description": "for people",
  "experiment target.task": "says what fits together, and is checked with the manifest",
  "run.mode": "there is one",
  "RopeScaling.rope_type": "there is one",
  "*.mmap": "files are read, and mapping is what may be done",
  "train.device": "which devices there are, the host says",
  "train.dtype": "float32, whatever it is called",
  "system.generic config.input_shape": "for estimates of the plan",
  "system.graph config.input_shapes": "for estimates of the plan",
  "GraphTopology.inputs": "checked with the manifest",
};

describe("every field of a manifest", () => {
  const fields = [...manifestObjects()].flatMap(([kind, names]) => names.map((name) => [kind, name] as const));

  it("that the engine accepts is used at a place, and what is used nowhere is refused", () => {
    const unused: string[] = [];
    for (const [kind, field] of fields) {
      const honoured = kinds[kind];
      // Every use of an object that is not there is refused by its kind.
      if (honoured === undefined) continue;
      const values = honoured === "all" ? "any" : (honoured[field] ?? honoured["*"]);
      // What may only have its default is refused with any other value.
      if (values === undefined || values.length === 0) continue;
      if (`*.${field}` in elsewhere || `${kind}.${field}` in elsewhere) continue;
      const word = new RegExp(`(?<![\\w$])${field}(?![\\w$])`);
      if (!(places[kind] ?? []).some((file) => word.test(sourceOf(file)))) unused.push(`${kind}.${field}`);
    }
    expect(unused).toEqual([]);
  });

  it("is of an object that the tables know, and nothing else is in them", () => {
    const objects = new Set(manifestObjects().keys());
    expect(Object.keys(places).filter((kind) => !objects.has(kind))).toEqual([]);
    expect(Object.keys(places).filter((kind) => kinds[kind] === undefined)).toEqual([]);
    for (const [kind, honoured] of Object.entries(kinds)) {
      if (honoured === "all") continue;
      const known = new Set([...fields].filter(([object]) => object === kind).map(([, field]) => field));
      expect(
        Object.keys(honoured).filter((field) => field !== "*" && !known.has(field)),
        kind,
      ).toEqual([]);
    }
  });
});
