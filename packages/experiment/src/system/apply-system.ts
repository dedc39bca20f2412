import type { System, SystemConfig } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { ForwardPass } from "../layers/forward-pass.js";
import { type CustomOp, applyGraph } from "../layers/graph-topology.js";
import { linear } from "../layers/linear.js";
import type { Value } from "../tensor/graph.js";
import { show } from "../tensor/shape.js";
import { applyModel } from "./model.js";

/** What comes out of a system, by key. */
export type Streams = ReadonlyMap<string, Value>;

/** A system of the user's: outputs by key from a batch by key. */
export type CustomSystem = (pass: ForwardPass, batch: Streams, config: Readonly<Record<string, unknown>>) => Streams;

/** Code of the user's, by what the manifest calls it (`js:./file.mjs#Export`). */
export interface CustomCode {
  readonly ops: ReadonlyMap<string, CustomOp>;
  readonly systems: ReadonlyMap<string, CustomSystem>;
}

/** No code of the user's. */
export const noCustomCode: CustomCode = { ops: new Map(), systems: new Map() };

/**
 * One way through a system: what it makes of a batch. Throws `missing_key` where the batch lacks what the system reads,
 * with what it has.
 */
export function applySystem(pass: ForwardPass, system: System, batch: Streams, code: CustomCode): Streams {
  if (system.impl !== null) {
    const custom = code.systems.get(system.impl);
    if (custom === undefined) throw new ExperimentError("unsupported", `${system.impl} is not loaded here`);
    return custom(pass, batch, system.config);
  }
  switch (system.ref) {
    case "system.language_model":
      return new Map([["logits", applyModel(pass, "", system.config.model, streamOf(batch, "input_ids")).output]]);
    case "system.generic": {
      const { model, input_key, output_key, return_features, features_key } = system.config;
      const { features, output } = applyModel(pass, "", model, streamOf(batch, input_key));
      const outputs = new Map([[output_key, output]]);
      if (return_features) outputs.set(features_key ?? "features", features);
      return only(outputs, system.config.output_keys);
    }
    case "system.graph":
      return only(applyGraph(pass, "topology", system.config.topology, batch, code.ops), system.config.output_keys);
    case "system.mlp_classifier":
      return new Map([["logits", classifier(pass, system.config, streamOf(batch, "inputs"))]]);
    case "system.gcn":
      return new Map([["logits", gcn(pass, system.config, streamOf(batch, "x"), streamOf(batch, "adj"))]]);
    case "system.diffusion_denoiser":
      return new Map([["pred_eps", denoiser(pass, system.config, streamOf(batch, "x_t"), streamOf(batch, "t"))]]);
  }
}

/** A stream by key, or `missing_key` with the keys there are. */
export function streamOf(streams: Streams, key: string): Value {
  const value = streams.get(key);
  if (value !== undefined) return value;
  throw new ExperimentError("missing_key", `there is no ${key}; there are ${[...streams.keys()].join(", ")}`);
}

function only(streams: Streams, keys: readonly string[] | null): Streams {
  return keys === null ? streams : new Map(keys.map((key) => [key, streamOf(streams, key)]));
}

function classifier(pass: ForwardPass, config: SystemConfig<"system.mlp_classifier">, x: Value): Value {
  const { d_in, d_hidden, n_layers, n_classes, dropout } = config;
  let h = x;
  // Each hidden layer is three modules in a row, of which only the first has parameters.
  for (let i = 0; i < n_layers; i++) {
    h = linear(pass, `net.${3 * i}`, h, { d_in: i === 0 ? d_in : d_hidden, d_out: d_hidden });
    h = pass.dropout(pass.graph.unary("relu", h), dropout);
  }
  return linear(pass, `net.${3 * n_layers}`, h, { d_in: n_layers === 0 ? d_in : d_hidden, d_out: n_classes });
}

/** Two graph convolutions over the adjacency matrix scaled by the roots of its row sums (Kipf, Welling, 2017). */
function gcn(pass: ForwardPass, config: SystemConfig<"system.gcn">, x: Value, adjacency: Value): Value {
  const { graph } = pass;
  if (x.shape.length !== 2 || adjacency.shape.length !== 2) {
    throw new ExperimentError(
      "shape_mismatch",
      `system.gcn takes one graph: x (nodes, features) and adj (nodes, nodes), found ${show(x.shape)} and ${show(adjacency.shape)}`,
    );
  }
  const degree = graph.binary("max", graph.sum(adjacency, [1]), 1);
  const root = graph.unary("rsqrt", degree);
  const scaled = graph.mul(graph.mul(adjacency, graph.expand(root, 1)), graph.expand(root, 0));
  const layer = (name: string, v: Value, d_in: number, d_out: number): Value =>
    graph.matmul(scaled, linear(pass, name, v, { d_in, d_out, bias: false }));
  const hidden = graph.unary("relu", layer("w1", x, config.d_in, config.d_hidden));
  return layer("w2", pass.dropout(hidden, config.dropout), config.d_hidden, config.n_classes);
}

/** The noise in `x`, whose level is `t`, as a multilayer perceptron of both sees it. */
function denoiser(pass: ForwardPass, config: SystemConfig<"system.diffusion_denoiser">, x: Value, t: Value): Value {
  const { graph } = pass;
  const { d_in, d_hidden, time_dim, n_layers } = config;
  const half = Math.floor(time_dim / 2);
  const frequencies = Float32Array.from({ length: half }, (_, k) =>
    Math.exp((-k * Math.log(1e4)) / Math.max(1, half - 1)),
  );
  const angle = graph.mul(graph.expand(graph.cast(t, "float32"), 1), graph.table(frequencies, [half]));
  const parts = [x, graph.unary("sin", angle), graph.unary("cos", angle)];
  if (time_dim % 2 === 1) parts.push(graph.full([x.shape[0] ?? 1, 1], 0));
  let h = graph.concat(parts, 1);
  for (let i = 0; i < n_layers; i++) {
    h = graph.unary(
      "silu",
      linear(pass, `net.${2 * i}`, h, { d_in: i === 0 ? d_in + time_dim : d_hidden, d_out: d_hidden }),
    );
  }
  return linear(pass, `net.${2 * n_layers}`, h, { d_in: n_layers === 0 ? d_in + time_dim : d_hidden, d_out: d_in });
}
