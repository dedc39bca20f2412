import { readFileSync } from "node:fs";
import type { GraphNode, Layer, Model, Objective, System } from "@vrx/manifest";
import { ForwardPass, PARAMETER } from "../../src/layers/forward-pass.js";
import { initialValues } from "../../src/layers/initial.js";
import { applyLayer } from "../../src/layers/layer.js";
import { applyOp } from "../../src/layers/op.js";
import { applyObjective } from "../../src/system/apply-objective.js";
import { applySystem, noCustomCode } from "../../src/system/apply-system.js";
import { applyModel } from "../../src/system/model.js";
import { Graph, type Value } from "../../src/tensor/graph.js";
import type { Engine, EngineTensor } from "../../src/engine/engine.js";
import type { DType, Shape } from "../../src/tensor/program.js";

export interface GoldenTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: readonly number[];
}

type What =
  | { readonly layer: Layer }
  | { readonly op: string; readonly config: unknown }
  | { readonly model: Model }
  | { readonly system: System }
  | { readonly objective: Objective };

export interface GoldenCase {
  readonly name: string;
  readonly what: What;
  readonly inputs: Readonly<Record<string, GoldenTensor>>;
  readonly parameters: Readonly<Record<string, GoldenTensor>>;
  readonly weights: Readonly<Record<string, GoldenTensor>>;
  readonly outputs: Readonly<Record<string, GoldenTensor>>;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, GoldenTensor>>;
}

export interface OptimizerGolden {
  readonly name: string;
  readonly start: GoldenTensor;
  readonly gradients: readonly GoldenTensor[];
  readonly trace: readonly GoldenTensor[];
  readonly lr: number;
  readonly weight_decay: number;
}

export function readGoldens(file: URL | string = new URL("../goldens/goldens.jsonl", import.meta.url)): {
  cases: GoldenCase[];
  optimizers: OptimizerGolden[];
} {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const documents = lines.map((line) => JSON.parse(line) as GoldenCase | OptimizerGolden);
  return {
    cases: documents.filter((document): document is GoldenCase => "what" in document),
    optimizers: documents.filter((document): document is OptimizerGolden => "trace" in document),
  };
}

function apply(pass: ForwardPass, what: What, inputs: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  if ("layer" in what) return new Map([["y", applyLayer(pass, "", what.layer, [...inputs.values()])]]);
  if ("op" in what) {
    const node = { kind: "op", id: "n", in: ["x"], out: ["y"], repeat: 1, op: what.op, config: what.config };
    return new Map([["y", applyOp(pass, "", node as unknown as GraphNode & { kind: "op" }, [...inputs.values()])]]);
  }
  if ("model" in what) return new Map([["logits", applyModel(pass, "", what.model, inputs.get("x")!).output]]);
  if ("system" in what) return applySystem(pass, what.system, inputs, noCustomCode);
  return new Map([["loss", applyObjective(pass, what.objective, inputs, inputs).loss]]);
}

/** What this package computes for a case: outputs, loss, and gradients of inputs and parameters. */
export async function replay(engine: Engine, golden: GoldenCase): Promise<Record<string, GoldenTensor>> {
  const graph = new Graph();
  const training = "op" in golden.what && golden.what.op.startsWith("BatchNorm");
  const pass = new ForwardPass(graph, { training });
  const inputs = new Map(
    Object.entries(golden.inputs).map(([key, { shape, dtype }]) => [key, graph.input(key, shape, dtype)]),
  );
  const outputs = new Map(apply(pass, golden.what, inputs));
  for (const { name, value } of pass.auxiliary) outputs.set(name, value);
  let loss = outputs.get("loss");
  for (const [key, value] of outputs) {
    if (key !== "loss") graph.output(`output:${key}`, value);
    const weights = golden.weights[key];
    if (weights === undefined) continue;
    const weighted = graph.sum(graph.mul(value, graph.table(Float32Array.from(weights.data), weights.shape)));
    loss = loss === undefined ? weighted : graph.add(loss, weighted);
  }
  graph.output("loss", loss!);
  const differentiable = [
    ...Object.entries(golden.inputs).flatMap(([key, { dtype }]) => (dtype === "float32" ? [key] : [])),
    ...Object.keys(golden.parameters).map((name) => PARAMETER + name),
  ];
  const run = engine.prepare({
    kind: "differentiate",
    program: graph.program(),
    loss: "loss",
    with_respect_to: differentiable,
  });
  const put = ({ dtype, shape, data }: GoldenTensor): EngineTensor =>
    engine.put(dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data), shape);
  const given: Record<string, EngineTensor> = {
    ...Object.fromEntries(Object.entries(golden.inputs).map(([key, tensor]) => [key, put(tensor)])),
    ...Object.fromEntries(Object.entries(golden.parameters).map(([key, tensor]) => [PARAMETER + key, put(tensor)])),
  };
  for (const spec of pass.parameters.values()) {
    given[PARAMETER + spec.name] ??= engine.put(initialValues(spec, 0), spec.shape);
  }
  const results = run.run(given);
  const read: Record<string, GoldenTensor> = {};
  for (const [key, tensor] of Object.entries(results)) {
    const data = [...(await engine.read(tensor))];
    read[key.replace(PARAMETER, "")] = { dtype: tensor.dtype, shape: tensor.shape, data };
  }
  return read;
}
