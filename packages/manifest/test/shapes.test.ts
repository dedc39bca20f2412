import { describe, expect, test } from "vitest";
import { formatShape, inferGraphShapes, inferShapes, lowerManifest, shape } from "../src/index.js";
import type { Manifest, Shape } from "../src/index.js";
import { good, issuesOf, manifestText } from "./support/manifests.js";

function modelOf(manifest: Manifest) {
  const [target] = manifest.targets;
  if (target?.type !== "experiment" || target.system.impl !== null || target.system.ref !== "system.language_model")
    throw new Error("expected a language model");
  return target.system.config.model;
}

/** What comes out of these layers for an input of this shape, and how many parameters they have. */
function through(layers: string, input: Shape): string {
  const { output, params } = inferShapes(
    modelOf(good(manifestText({ layers, model: "tied_embeddings: false" }))),
    input,
  );
  return `${formatShape(output)} ${params}`;
}

describe("every layer gives its shape and its parameters", () => {
  const stream = shape(2, 16, 8);
  test.each([
    ["LinearLayer, d_in: 8, d_out: 5", "[2, 16, 5] 45"],
    ["LoRALinearLayer, d_in: 8, d_out: 5, rank: 2", `[2, 16, 5] ${45 + 26}`],
    ["LayerNormLayer, d_model: 8", "[2, 16, 8] 16"],
    ["RMSNormLayer, d_model: 8", "[2, 16, 8] 8"],
    ["DropoutLayer, p: 0.5", "[2, 16, 8] 0"],
    ["SwiGLULayer, d_model: 8, d_ff: 10", `[2, 16, 8] ${8 * 20 + 20 + 80 + 8}`],
    ["GLULayer, d_model: 8, d_ff: 10, bias: false, activation: geglu", "[2, 16, 8] 240"],
    ["DenseLayer, d_in: 8, d_out: 5, normalization: layer_norm, activation: relu", "[2, 16, 5] 55"],
    ["MoELayer, d_model: 8, d_ff: 10, num_experts: 4", `[2, 16, 8] ${8 * 4 + 4 + 4 * 240}`],
    ["SSMLayer, d_model: 8", `[2, 16, 8] ${8 * 32 + 16 * 4 + 16 + 16 * 33 + 16 + 16 + 16 * 16 + 16 + 16 * 8}`],
    ["AttentionLayer, d_model: 8, n_heads: 4", "[2, 16, 8] 256"],
    ["AttentionLayer, d_model: 8, n_heads: 4, n_kv_heads: 2, mode: gqa", `[2, 16, 8] ${64 + 64 + 2 * 32}`],
    [
      "AttentionLayer, d_model: 8, n_heads: 2, mode: decoupled, sem_dim: 4, geo_dim: 4, decoupled_gate: true",
      `[2, 16, 8] ${4 * 32 + 2 * 64 + 2}`,
    ],
    ["RNNLayer, input_size: 8, hidden_size: 6, bidirectional: true", `[2, 16, 12] ${2 * (4 * 6 * 14 + 48)}`],
    [
      "RNNLayer, input_size: 8, hidden_size: 6, cell_type: gru, num_layers: 2",
      `[2, 16, 6] ${3 * 6 * 14 + 36 + 3 * 6 * 12 + 36}`,
    ],
    ["GraphConvLayer, in_features: 8, out_features: 6", "[2, 16, 6] 54"],
    ["GraphConvLayer, in_features: 8, out_features: 6, kind: gat, heads: 2", `[2, 16, 6] ${48 + 12 + 6}`],
  ])("%s", (layer, expected) => {
    expect(through(`- { type: ${layer} }`, stream)).toBe(expected);
  });

  test("Conv2dLayer", () => {
    const layer = "- { type: Conv2dLayer, in_channels: 3, out_channels: 4, kernel_size: 3, stride: 2, padding: 1 }";
    expect(through(layer, shape(2, 3, 9, 8))).toBe(`[2, 4, 5, 4] ${4 * 27 + 4}`);
    expect(through(layer.replace("stride: 2, padding: 1", "padding: same"), shape(2, 3, 9, 8))).toBe(
      "[2, 4, 9, 8] 112",
    );
  });
});

describe("every topology gives its shape", () => {
  const half = "{ type: LinearLayer, d_in: 8, d_out: 4, bias: false }";
  const same = "{ type: LinearLayer, d_in: 8, d_out: 8, bias: false }";
  const stream = shape(2, 16, 8);
  test.each([
    [`StackedTopology, layers: [${same}, ${half}]`, "[2, 16, 4] 96"],
    [`NestedTopology, repeat: 3, layers: [${same}]`, "[2, 16, 8] 192"],
    [`SequentialTopology, layers: [${half}]`, "[2, 16, 4] 32"],
    [`RecurrentTopology, layers: [{ type: RNNLayer, input_size: 8, hidden_size: 4, bias: false }]`, "[2, 16, 4] 192"],
    [`CyclicTopology, iterations: 5, layers: [${same}]`, "[2, 16, 8] 64"],
    [`ResidualTopology, layers: [${half}, { type: LinearLayer, d_in: 4, d_out: 8, bias: false }]`, "[2, 16, 8] 64"],
    [`ParallelTopology, layers: [${half}, ${half}]`, "[2, 2, 16, 4] 64"],
    [`BranchingTopology, layers: [${half}, ${same}]`, "[2, 16, 12] 96"],
    [`BranchingTopology, dim: 1, layers: [${half}, ${half}]`, "[2, 32, 4] 64"],
  ])("%s", (topology, expected) => {
    expect(through(`- { type: ${topology} }`, stream)).toBe(expected);
  });
});

describe("widths that do not fit are told at the layer, with what to do", () => {
  const wrong = (layers: string, model = "") =>
    issuesOf(manifestText({ layers, model })).map(({ code, pointer, message }) => ({ code, pointer, message }));
  const path = "/targets/0/system/config/model/topology/layers";

  test("in a sequence, all of them, and once for a repetition", () => {
    const issues = wrong(
      "- { type: LinearLayer, d_in: 8, d_out: 5 }\n- { type: RMSNormLayer, d_model: 8 }\n- { type: NestedTopology, repeat: 4, layers: [{ type: LinearLayer, d_in: 8, d_out: 3 }] }",
    );
    expect(issues).toMatchObject([
      {
        code: "shape_mismatch",
        pointer: `${path}/1/d_model`,
        message: expect.stringContaining(
          "expected 5, found 8; the stream is [..., 5] here: set d_model to 5",
        ) as string,
      },
      {
        code: "shape_mismatch",
        pointer: `${path}/2/layers/0/d_in`,
        message: expect.stringContaining("expected 3, found 8") as string,
      },
    ]);
  });

  test("around a residual, between branches, and in a cycle", () => {
    const half = "{ type: LinearLayer, d_in: 8, d_out: 4 }";
    expect(wrong(`- { type: ResidualTopology, layers: [${half}] }`)).toMatchObject([{ pointer: `${path}/0/layers/0` }]);
    expect(
      wrong(`- { type: ParallelTopology, layers: [${half}, { type: LinearLayer, d_in: 8, d_out: 8 }] }`),
    ).toMatchObject([{ pointer: `${path}/0/layers/1` }]);
    expect(wrong(`- { type: CyclicTopology, iterations: 2, layers: [${half}] }`)).toMatchObject([
      { pointer: `${path}/0/layers/0` },
    ]);
  });

  test("at the end, against the embedder's table", () => {
    expect(
      wrong("- { type: LinearLayer, d_in: 8, d_out: 5 }", "embedder: { type: token, vocab_size: 100, d_model: 8 }")[0]!
        .message,
    ).toContain("end with a LinearLayer to 100, or set tied_embeddings to false");
  });

  test.each([
    ["d_model: 8, n_heads: 3", "d_model"],
    ["d_model: 8, n_heads: 4, n_kv_heads: 3", "n_kv_heads"],
    ["d_model: 8, n_heads: 8", "d_model"],
    ["d_model: 8, n_heads: 4, mode: decoupled, sem_dim: 4, geo_dim: 4", "geo_dim"],
    ["d_model: 8, n_heads: 4, mode: decoupled, geo_dim: 8", "sem_dim"],
    ["d_model: 8, n_heads: 4, sem_dim: 8", "sem_dim"],
  ])("attention with %s", (fields, field) => {
    expect(wrong(`- { type: AttentionLayer, ${fields} }`)).toMatchObject([{ pointer: `${path}/0/${field}` }]);
  });
});

describe("graphs", () => {
  const graphText = (nodes: string, more = "") => `version: 2
defaults: {}
targets:
  - type: experiment
    name: g
    backend: jax
    task: task.classification
    data: { ref: dataset.npy_supervised, config: { x_path: x.npy, y_path: y.npy } }
    system:
      ref: system.graph
      config:
        ${more}
        topology:
          type: GraphTopology
          nodes:
            ${nodes.trim().replaceAll("\n", "\n            ")}
    objective: objective.classification_ce
    trainer: trainer.standard
    runs: []
`;
  const fine =
    "- { id: proj, in: inputs, out: h, type: LinearLayer, d_in: 4, d_out: 8 }\n- { id: act, in: h, out: h2, op: ReLU }\n- { id: sum, in: [h, h2], out: y, op: Add }";
  const topologyOf = (text: string) => {
    const [target] = lowerManifest(good(text)).targets;
    if (target?.type !== "experiment" || target.system.impl !== null || target.system.ref !== "system.graph")
      throw new Error("expected a graph");
    return target.system.config.topology;
  };

  test("the example of the format is a graph, and its shapes follow from what goes in", () => {
    const shapes = inferGraphShapes(topologyOf(graphText(fine)), new Map([["inputs", shape("B", 4)]]));
    expect([...shapes.streams].map(([key, one]) => `${key} ${formatShape(one)}`)).toEqual([
      "inputs [B, 4]",
      "h [B, 8]",
      "h2 [B, 8]",
      "y [B, 8]",
    ]);
    expect(shapes).toMatchObject({ params: 40, inputs: ["inputs"], complaints: [] });
  });

  test("repeated nodes become a chain", () => {
    const nodes = topologyOf(
      graphText("- { id: n, in: inputs, out: h, repeat: 3, op: Linear, config: { in_features: 4, out_features: 4 } }"),
    ).layers;
    expect(nodes.map(({ id, in: from, out }) => [id, ...from, ...out])).toEqual([
      ["n__0", "inputs", "h__0"],
      ["n__1", "h__0", "h__1"],
      ["n__2", "h__1", "h"],
    ]);
  });

  test.each([
    ["two makers", fine.replace("out: y", "out: h"), "bad_graph", "/layers/2/out"],
    ["a name twice", fine.replace("id: act", "id: proj"), "bad_graph", "/layers/1/id"],
    ["a cycle", fine.replace("in: inputs", "in: y"), "bad_graph", "/layers/0"],
    ["a repeat with two keys", fine.replace("op: Add", "op: Add, repeat: 2"), "bad_graph", "/layers/2/repeat"],
    [
      "a width",
      fine.replace("op: ReLU", "op: Linear, config: { in_features: 9, out_features: 1 }"),
      "shape_mismatch",
      "/layers/1/config/in_features",
    ],
    ["an unknown operation", fine.replace("op: ReLU", "op: Relu"), "not_in_enum", "/layers/1/op"],
    ["an op and a layer", fine.replace("op: ReLU", "op: ReLU, type: DropoutLayer"), "does_not_fit", "/layers/1"],
    ["an unknown field of a layer", fine.replace("d_out: 8", "d_out: 8, bais: true"), "unknown_key", "/layers/0/bais"],
  ])("%s is refused", (_, nodes, code, pointer) => {
    expect(issuesOf(graphText(nodes))[0]).toMatchObject({
      code,
      pointer: `/targets/0/system/config/topology${pointer}`,
    });
  });

  test("declared inputs have to cover what is read", () => {
    const text = graphText(fine).replace("type: GraphTopology", "type: GraphTopology\n          inputs: [input]");
    expect(issuesOf(text)[0]).toMatchObject({ code: "bad_graph", suggestion: "input" });
    expect(issuesOf(graphText(fine, "output_keys: [z]"))[0]).toMatchObject({
      code: "bad_graph",
      pointer: "/targets/0/system/config/output_keys/0",
    });
  });
});
