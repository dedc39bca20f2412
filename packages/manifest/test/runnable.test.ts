import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  type BackendCapabilities,
  type HostFacts,
  checkRunnable,
  estimateRun,
  fieldsOf,
  lowerManifest,
  manifestDigest,
  manifestObjects,
  overrideManifest,
  parseManifest,
  planManifest,
  resolveTarget,
} from "../src/index.js";
import { good, manifestText } from "./support/manifests.js";

const presets = fileURLToPath(new URL("../presets/", import.meta.url));
const preset = (name: string) => parseManifest(readFileSync(`${presets}${name}.yml`, "utf8"));

/** Whatever these targets use, honoured. */
function everythingOf(name: string): BackendCapabilities {
  const kinds = preset(name).targets.flatMap((target) => fieldsOf(target).map(({ kind }) => [kind, "all"] as const));
  return {
    kinds: {
      ...Object.fromEntries(kinds),
      "defaults.logging": "all",
      defaults: "all",
      "defaults.data": "all",
      "defaults.runtime": "all",
    },
  };
}

const host = (capabilities: BackendCapabilities, facts: Partial<HostFacts> = {}): HostFacts => ({
  backends: { jax: { status: "available", devices: ["cpu"], capabilities } },
  memory_bytes: null,
  network: false,
  generate_data: true,
  exists: () => false,
  hasTokenizer: () => false,
  processes: [],
  ...facts,
});

describe("what will not run is said before anything runs", () => {
  test("nothing stands in the way of a smoke test on generated data", () => {
    const plan = planManifest(preset("standard_transformer"), { target: "smoke" });
    expect(checkRunnable(plan, host(everythingOf("standard_transformer")))).toEqual([]);
    const blockers = checkRunnable(plan, host(everythingOf("standard_transformer"), { generate_data: false }));
    expect(blockers.map(({ code, fix }) => [code, fix])).toEqual([["dataset_missing", "--data generate makes it"]]);
  });

  test("a backend that is not there, a device, data, a teacher, a tokenizer and the network", () => {
    const plan = planManifest(preset("llama32_1b_dba"), { target: "quick" });
    const blockers = checkRunnable(plan, host({ kinds: {} }));
    expect([...new Set(blockers.map(({ code }) => code))].sort()).toEqual([
      "backend_unavailable",
      "device_unavailable",
      "network_needed",
      "tokenizer_missing",
    ]);
    expect(blockers[0]).toMatchObject({ fix: "--backend jax", pointer: "/targets/2/backend" });
    const changed = overrideManifest(preset("llama32_1b_dba"), { backend: "jax", device: "cpu" });
    const others = checkRunnable(planManifest(changed, { target: "quick" }), host({ kinds: {} }, { network: true }));
    expect(others.map(({ message }) => message)).toContain("the backend jax does not run trainer.upcycle");
  });

  test("every field that the backend would take and not honour, once, with its place", () => {
    const kinds = {
      ...everythingOf("standard_transformer").kinds,
      train: { weight_decay: "any", optimizer: ["sgd"] },
      LinearLayer: "all",
      "none embedder": "all",
    } as const;
    const text = manifestText({
      train: "weight_decay: 0.1\noptimizer: lion\nnum_workers: 4\npin_memory: false",
    }).replace("torch", "jax");
    const blockers = checkRunnable(planManifest(good(text)), host({ kinds }, { exists: () => true }));
    expect(blockers.map(({ code, pointer, message }) => [code, pointer, message])).toEqual(
      [
        [
          "not_honoured",
          "/targets/0/runs/0/train/num_workers",
          "the backend jax does not honour num_workers: 4 of train",
        ],
        [
          "not_honoured",
          "/targets/0/runs/0/train/optimizer",
          'the backend jax does not honour optimizer: "lion" of train (it honours "sgd")',
        ],
      ].sort(),
    );
  });

  test("memory, and processes that cannot run yet", () => {
    const plan = planManifest(preset("standard_transformer"), { target: "smoke" });
    const small = checkRunnable(plan, host(everythingOf("standard_transformer"), { memory_bytes: 1_000_000 }));
    expect(small.map(({ code }) => code)).toEqual(["memory_estimate_exceeds"]);
    const process = "\n  - { type: process, name: p, team: { a: b }, process: { type: code_graph_sync, agent: a } }\n";
    const blockers = checkRunnable(planManifest(good(manifestText() + process), { target: "p" }), host({ kinds: {} }));
    expect(blockers).toMatchObject([{ code: "process_unavailable", target: "p" }]);
  });
});

describe("targets", () => {
  const manifest = good(manifestText({ top: "entrypoints: { default: 'target: exp', quick: exp }" }));

  test.each([[undefined], ["quick"], ["exp"], [" exp "], ["experiment:exp"], ["TARGET: exp"]])("%s is exp", (name) => {
    expect(resolveTarget(manifest, name)).toMatchObject({ status: "ok", index: 0 });
  });

  test("what is not there is said with what is near", () => {
    expect(resolveTarget(manifest, "quik")).toEqual({
      status: "not_found",
      message: "Target 'quik' not found in manifest; did you mean quick?",
      suggestion: "quick",
    });
    expect(() => planManifest(manifest, { target: "quik" })).toThrow("not found in manifest");
    expect(resolveTarget({ targets: [], entrypoints: {} })).toMatchObject({
      message: "Manifest has no runnable targets.",
    });
  });
});

describe("lowering and digests", () => {
  test("seeds become runs", () => {
    const [target] = lowerManifest(
      good(manifestText().replace("mode: train", "mode: train\n        exp: e\n        seed: [1, 2]")),
    ).targets;
    expect(target).toMatchObject({
      runs: [
        { id: "a__s1", exp: "e__s1", seed: 1 },
        { id: "a__s2", exp: "e__s2", seed: 2 },
      ],
    });
  });

  test("texts that mean the same have the same digest, and what changes a result changes it", () => {
    const digest = (text: string) => manifestDigest(lowerManifest(good(text)));
    const one = manifestText({
      layers: "- { type: NestedTopology, repeat: 2, layers: [{ type: LinearLayer, d_in: 8, d_out: 8 }] }",
    });
    const same = manifestText({
      top: "notes: other words\nvars: { w: 8 }",
      layers:
        "- type: NestedTopology\n  layers:\n    - &l { d_out: '${w}', type: linear, d_in: 8, bias: yes }\n    - *l",
    }).replace("name: test", "name: renamed");
    expect(digest(same)).toBe(digest(one));
    expect(digest(one.replace("lr: 1e-3", "lr: 1e-4"))).not.toBe(digest(one));
    expect(digest(one)).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a lowered manifest has no repeats, and is a manifest of itself", () => {
    for (const file of readdirSync(presets)) {
      const lowered = lowerManifest(parseManifest(readFileSync(presets + file, "utf8")));
      const text = JSON.stringify(lowered);
      expect(text).not.toMatch(/"repeat":(?!1\b)/);
      expect(manifestDigest(lowerManifest(parseManifest(text)))).toBe(manifestDigest(lowered));
    }
  });
});

test("estimates of a linear layer are what one counts by hand", () => {
  const manifest = good(
    manifestText({ model: "embedder: { type: token, vocab_size: 8, d_model: 8 }", train: "optimizer: sgd" }),
  );
  const [target] = lowerManifest(manifest).targets;
  if (target?.type !== "experiment") throw new Error("expected an experiment");
  // 2 x 4 tokens; table 64, layer 72; the last width is the vocabulary, so that the table is not used again.
  const params = 64 + 72;
  const kept = 2 * 4 * (8 + 8);
  expect(estimateRun(target, target.runs[0]!)).toEqual({
    batch_size: 2,
    tokens_per_step: 8,
    params,
    trainable_params: params,
    flops_per_step: 3 * 2 * 8 * 64,
    bytes_per_step: 4 * (2 * params + 2 * kept + 2 * params + 2 * params),
    peak_memory_bytes: 4 * (params + params + kept) + 8 * 64,
    why: null,
  });
});

describe("code of the user's", () => {
  const target = {
    type: "experiment",
    name: "t",
    backend: "jax",
    task: "task.classification",
    data: { ref: "dataset.random_tokens", config: { vocab_size: 4, block_size: 4 } },
    system: { ref: "system.mlp_classifier", config: { d_in: 4, d_hidden: 4, n_layers: 1, n_classes: 4 } },
    objective: "objective.classification_ce",
    trainer: "trainer.standard",
    runs: [{ id: "r", mode: "train", steps: 1, train: { phase: "standard", batch_size: 1, block_size: 4, lr: 1 } }],
  };
  const graph = (op: string) => ({
    ref: "system.graph",
    config: { topology: { type: "GraphTopology", layers: [{ id: "n", in: "x", out: "y", op, config: {} }] } },
  });
  const all = Object.fromEntries([...manifestObjects().keys()].map((kind) => [kind, "all" as const]));
  const blockers = (change: object, custom: BackendCapabilities["custom"]) => {
    const manifest = parseManifest(JSON.stringify({ version: 2, defaults: {}, targets: [{ ...target, ...change }] }));
    return checkRunnable(planManifest(manifest), {
      backends: {
        jax: {
          status: "available",
          devices: ["cpu"],
          capabilities: { kinds: { ...all, GraphNode: "all" }, ...(custom === undefined ? {} : { custom }) },
        },
      },
      memory_bytes: null,
      network: false,
      generate_data: true,
      exists: (path) => path === "./there.mjs",
      hasTokenizer: () => true,
      processes: [],
    });
  };
  const own = { ref: "mine", impl: "js:./there.mjs#It" };

  test("has no place where the backend takes none, whatever the place", () => {
    for (const [change, pointer] of [
      [{ data: own }, "/targets/0/data/impl"],
      [{ system: own }, "/targets/0/system/impl"],
      [{ objective: own }, "/targets/0/objective/impl"],
      [{ trainer: own }, "/targets/0/trainer/impl"],
      [{ metrics: [own] }, "/targets/0/metrics/0/impl"],
      [{ system: graph("js:./there.mjs#It") }, "/targets/0/system/config/topology/layers/0/op"],
    ] as const) {
      expect(blockers(change, undefined)).toMatchObject([{ code: "not_honoured", pointer }]);
    }
  });

  test("runs where the backend takes its language and its file is there", () => {
    const custom = { system: ["js"], op: ["js"] } as const;
    expect(blockers({ system: own }, custom)).toEqual([]);
    expect(blockers({ system: graph("js:./there.mjs#It") }, custom)).toEqual([]);
    expect(blockers({ system: { ...own, impl: "js:./none.mjs#It" } }, custom)).toMatchObject([
      { code: "code_missing" },
    ]);
    expect(blockers({ system: { ...own, impl: "python:a.b:C" } }, custom)).toMatchObject([
      { pointer: "/targets/0/system/impl", fix: "the same in js, or another backend (--backend)" },
    ]);
  });
});

describe("the tokenizer of texts", () => {
  const text = (tokenizer?: object) => ({
    ref: "dataset.tokens",
    config: {
      path: "t.npy",
      block_size: 4,
      prepare: { type: "text", files: ["t.txt"], ...(tokenizer === undefined ? {} : { tokenizer }) },
    },
  });
  const asked = (data: object, there: readonly string[]) => {
    const names: string[] = [];
    const target = {
      type: "experiment",
      name: "t",
      backend: "jax",
      task: "task.language_modeling",
      data,
      system: { ref: "s", impl: "js:./s.mjs#S" },
      objective: "objective.next_token_ce",
      trainer: "trainer.standard",
      runs: [],
    };
    const defaults = { data: { tokenizer: "gpt2" } };
    checkRunnable(planManifest(parseManifest(JSON.stringify({ version: 2, defaults, targets: [target] }))), {
      backends: {},
      memory_bytes: null,
      network: false,
      generate_data: false,
      exists: (path) => there.includes(path),
      hasTokenizer: (name) => names.push(name) > 0,
      processes: [],
    });
    return names;
  };

  test("is that of the defaults where the recipe names none, and is needed only where there are no ids yet", () => {
    expect(asked(text(), ["t.txt"])).toEqual(["gpt2"]);
    expect(asked(text({ type: "byte" }), ["t.txt"])).toEqual([]);
    expect(asked(text({ type: "hf-json", path: "t.json" }), ["t.txt"])).toEqual(["t.json"]);
    expect(asked(text(), ["t.npy"])).toEqual([]);
  });
});
