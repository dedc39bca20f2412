import { inferGraphShapes, type GraphShapes } from "../infer-graph-shapes.js";
import { inferShapes, inputOf, type ModelShapes } from "../infer-shapes.js";
import type { Data } from "../schema/data.js";
import type { System } from "../schema/systems.js";
import { type Dim, type Shape, openShape, shape } from "../shape.js";
import { type Cost, copies, sum } from "./cost.js";

/** The shapes and costs of a system for batches of one size. */
export interface SystemShapes extends Cost {
  readonly model: ModelShapes | null;
  readonly graph: GraphShapes | null;
  /** Values that come out; null where nobody knows. */
  readonly output: Shape;
}

/** The lengths that a run gives: numbers, or names. */
export interface Lengths {
  readonly batch: Dim;
  readonly block: Dim;
}

const unknown: Cost = { params: 0, trainable: 0, flops: null, activations: null };

/** Follows a batch through a system. null: the user's own code, of which nobody knows anything. */
export function systemShapes(system: System, data: Data, lengths: Lengths): SystemShapes | null {
  if (system.impl !== null) return null;
  const { batch, block } = lengths;
  switch (system.ref) {
    case "system.language_model": {
      const { model } = system.config;
      const input = model.embedder.type === "token" ? shape(batch, block) : undefined;
      const shapes = inferShapes(model, input);
      return { ...costOf(shapes), model: shapes, graph: null, output: shapes.output };
    }
    case "system.generic": {
      const { model, input_shape } = system.config;
      const own = inputOf(model);
      const sample = input_shape ?? (model.embedder.type === "none" ? sampleShape(data) : null);
      const named = { ...own, dims: own.dims.map((dim) => (dim === "B" ? batch : dim === "T" ? block : dim)) };
      const input = sample === null ? named : { open: false, dims: [batch, ...sample] };
      const shapes = inferShapes(model, input);
      return { ...costOf(shapes), model: shapes, graph: null, output: shapes.output };
    }
    case "system.graph": {
      const shapes = inferGraphShapes(system.config.topology, graphInputs(system.config.input_shapes, data, lengths));
      const key = system.config.output_keys?.[0] ?? system.config.topology.layers.at(-1)?.out[0] ?? "";
      return { ...costOf(shapes), model: null, graph: shapes, output: shapes.streams.get(key) ?? openShape() };
    }
    case "system.mlp_classifier": {
      const { d_in, d_hidden, n_layers, n_classes } = system.config;
      const first = dense(batch, d_in, d_hidden, true);
      const rest = copies(dense(batch, d_hidden, d_hidden, true), n_layers - 1);
      const cost = [first, rest, dense(batch, d_hidden, n_classes, false)].reduce(sum);
      return { ...cost, model: null, graph: null, output: shape(batch, n_classes) };
    }
    case "system.gcn": {
      const { d_in, d_hidden, n_classes } = system.config;
      const nodes = nodesOf(data);
      const params = d_in * d_hidden + d_hidden * n_classes;
      const flops = nodes === null ? null : 2 * nodes * params + 2 * nodes * nodes * (d_hidden + n_classes);
      const activations = nodes === null ? null : nodes * (2 * d_hidden + 2 * n_classes);
      const cost = { params, trainable: params, flops, activations };
      return { ...cost, model: null, graph: null, output: shape(nodes ?? "N", n_classes) };
    }
    case "system.diffusion_denoiser": {
      const { d_in, d_hidden, time_dim, n_layers } = system.config;
      const first = dense(batch, d_in + time_dim, d_hidden, true);
      const rest = copies(dense(batch, d_hidden, d_hidden, true), n_layers - 1);
      const cost = [first, rest, dense(batch, d_hidden, d_in, false)].reduce(sum);
      return { ...cost, model: null, graph: null, output: shape(batch, d_in) };
    }
  }
}

const costOf = ({ params, trainable, flops, activations }: Cost): Cost => ({ params, trainable, flops, activations });

function dense(batch: Dim, from: number, to: number, hasActivation: boolean): Cost {
  const params = from * to + to;
  if (typeof batch !== "number") return { ...unknown, params, trainable: params };
  return { params, trainable: params, flops: 2 * batch * from * to, activations: batch * to * (hasActivation ? 2 : 1) };
}

/** The dimensions of one sample, where the manifest generates it. */
function sampleShape(data: Data): readonly number[] | null {
  if (data.impl !== null) return null;
  if (data.ref === "dataset.npy_supervised") return data.config.prepare?.shape ?? null;
  if (data.ref === "dataset.diffusion_vector") return data.config.prepare === null ? null : [data.config.prepare.d];
  return null;
}

function nodesOf(data: Data): number | null {
  return data.impl === null && data.ref === "dataset.graph_npy" ? (data.config.prepare?.nodes ?? null) : null;
}

function graphInputs(
  declared: Readonly<Record<string, readonly number[]>>,
  data: Data,
  { batch, block }: Lengths,
): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  if (data.impl === null)
    switch (data.ref) {
      case "dataset.tokens":
      case "dataset.random_tokens":
        for (const key of ["input_ids", "target_ids"]) shapes.set(key, shape(batch, block));
        break;
      case "dataset.npy_supervised": {
        const dims = sampleShape(data);
        if (dims !== null) shapes.set("inputs", { open: false, dims: [batch, ...dims] });
        break;
      }
      case "dataset.graph_npy": {
        const { prepare } = data.config;
        shapes.set("x", prepare === null ? openShape() : shape(prepare.nodes, prepare.features));
        if (prepare !== null) shapes.set("adj", shape(prepare.nodes, prepare.nodes));
        break;
      }
      case "dataset.diffusion_vector":
      case "dataset.tensors":
        break;
    }
  for (const [key, dims] of Object.entries(declared)) shapes.set(key, { open: false, dims: [batch, ...dims] });
  return shapes;
}
