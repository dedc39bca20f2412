import { type Cost, again, copies, free, sum } from "./internal/cost.js";
import { applyLayer } from "./internal/layer-shapes.js";
import type { Complaint } from "./internal/schema.js";
import type { Model } from "./schema/model.js";
import type { LayerNode, Topology } from "./schema/topologies.js";
import {
  type Shape,
  dimAt,
  dimsAgree,
  elements,
  formatShape,
  openShape,
  shape,
  shapesAgree,
  withDim,
} from "./shape.js";

/** Layers that a model may have once its repetitions are written out. */
export const maxLayers = 20_000;

/** A node of a model with what goes in and out, and what it costs with everything in it. */
export interface NodeShapes extends Cost {
  readonly type: LayerNode["type"] | "none" | "token" | "patch" | "tied_embeddings" | "pooling" | "diffusion_head";
  /** Keys and indices from the model to the node. */
  readonly path: readonly PropertyKey[];
  readonly in: Shape;
  readonly out: Shape;
  /** How many copies there are, with weights of their own; the shapes are those of the first. */
  readonly repeat: number;
  readonly children: readonly NodeShapes[];
}

/** The shapes and costs of a model. */
export interface ModelShapes extends Cost {
  readonly input: Shape;
  /** What the topology gives, before tied embeddings and pooling. */
  readonly features: Shape;
  readonly output: Shape;
  /** The embedder, the topology, and what comes after. */
  readonly nodes: readonly NodeShapes[];
  /** Widths that do not fit, by their place in the model. */
  readonly complaints: readonly Complaint[];
}

/**
 * Follows a tensor through a model, node by node: shapes (`[B, T, 512]`; `input` may give numbers for the names),
 * parameters, operations and kept values of one forward pass. Repetitions are followed until their shapes repeat.
 */
export function inferShapes(model: Model, input?: Shape): ModelShapes {
  const walk = new Walk();
  const { embedder, topology } = model;
  const nodes: NodeShapes[] = [];
  let stream: Shape;
  const given = input ?? inputOf(model);
  const add = (type: NodeShapes["type"], path: readonly PropertyKey[], out: Shape, cost: Cost): void => {
    nodes.push({ type, path, in: stream, out, repeat: 1, children: [], ...cost });
    stream = out;
  };
  stream = given;
  if (embedder.type === "token") {
    const params = embedder.vocab_size * embedder.d_model;
    const out: Shape = { ...given, dims: [...given.dims, embedder.d_model] };
    add("token", ["embedder"], out, { params, trainable: params, flops: 0, activations: elements(out) });
  } else if (embedder.type === "patch") {
    const { image_size, patch_size, in_channels, d_model } = embedder;
    const side = image_size / patch_size;
    const weights = in_channels * patch_size * patch_size * d_model;
    const out = shape(dimAt(given, 0) ?? "B", side * side, d_model);
    const values = elements(out);
    const flops = values === null ? null : 2 * (values / d_model) * weights;
    // A bias, and where each patch lies.
    const params = weights + d_model + side * side * d_model;
    add("patch", ["embedder"], out, {
      params,
      trainable: params,
      flops,
      activations: values,
    });
    walk.expect(given, [shape("?", in_channels, image_size, image_size)], ["embedder"], "images");
  }
  const body = walk.topology(topology, stream, ["topology"]);
  nodes.push(body);
  stream = body.out;
  const features = stream;
  const last = dimAt(stream, -1);
  if (model.tied_embeddings && embedder.type === "token" && last !== embedder.vocab_size) {
    const { d_model, vocab_size } = embedder;
    const count = elements({ ...stream, dims: stream.dims.slice(0, -1) });
    if (last !== undefined && !dimsAgree(last, d_model))
      walk.complain(["topology", "layers", topology.layers.length - 1], {
        expected: `a last width of ${d_model} (the embedder's, multiplied by its table) or ${vocab_size} (the vocabulary)`,
        found: String(last),
        hint: `end with a LinearLayer to ${vocab_size}, or set tied_embeddings to false`,
      });
    const out = withDim(stream, -1, vocab_size);
    const flops = count === null ? null : 2 * count * d_model * vocab_size;
    add("tied_embeddings", ["tied_embeddings"], out, { params: 0, trainable: 0, flops, activations: elements(out) });
  }
  if (model.pooling !== "none") {
    if (!stream.open && stream.dims.length < 3)
      walk.complain(["pooling"], {
        expected: '"none"',
        found: JSON.stringify(model.pooling),
        hint: `the stream is ${formatShape(stream)} at the end, which has no positions to pool`,
      });
    const dims = [...stream.dims.slice(0, -2), ...stream.dims.slice(-1)];
    add("pooling", ["pooling"], { ...stream, dims }, free);
  }
  if (model.diffusion_head?.enabled === true) {
    const { time_embed_dim: t, mlp_mult } = model.diffusion_head;
    const width = embedder.type === "none" ? dimAt(features, -1) : embedder.d_model;
    const d = typeof width === "number" ? width : 0;
    const hidden = Math.max(64, mlp_mult * d);
    const weights = 2 * t * t + (2 * d + t) * hidden + hidden * hidden + hidden * d;
    const params = weights + 2 * t + 2 * (2 * d + t) + 2 * hidden + d;
    const count = elements({ ...features, dims: features.dims.slice(0, -1) });
    nodes.push({
      type: "diffusion_head",
      path: ["diffusion_head"],
      in: features,
      out: features,
      repeat: 1,
      children: [],
      params,
      trainable: params,
      flops: count === null ? null : 2 * count * weights,
      activations: count === null ? null : count * (2 * d + t + 4 * hidden + d),
    });
  }
  const cost = nodes.reduce<Cost>((total, node) => sum(total, node), free);
  return { ...cost, input: given, features, output: stream, nodes, complaints: walk.complaints };
}

/** What a model takes, as far as it says. */
export function inputOf({ embedder }: Pick<Model, "embedder">): Shape {
  if (embedder.type === "token") return shape("B", "T");
  if (embedder.type === "patch") return shape("B", embedder.in_channels, embedder.image_size, embedder.image_size);
  return openShape();
}

class Walk {
  readonly complaints: Complaint[] = [];
  readonly #told = new Set<string>();

  complain(
    path: readonly PropertyKey[],
    { expected, found, hint }: { readonly expected: string; readonly found: string; readonly hint: string },
  ): void {
    const key = JSON.stringify(path);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const sentence = `expected ${expected}, found ${found}; ${hint}`;
    this.complaints.push({ code: "shape_mismatch", path, expected, found, sentence });
  }

  expect(found: Shape, accepted: readonly Shape[], path: readonly PropertyKey[], what: string): void {
    if (accepted.some((one) => shapesAgree(one, found))) return;
    const expected = `${what} of ${accepted.map(formatShape).join(" or ")}`;
    this.complain(path, { expected, found: formatShape(found), hint: "change what goes in, or this" });
  }

  node(node: LayerNode, input: Shape, path: readonly PropertyKey[]): NodeShapes {
    if ("layers" in node) return this.topology(node, input, path);
    const { in: known, out, problem, cost } = applyLayer(node, input);
    if (problem !== null) this.complain([...path, problem.field], problem);
    return { type: node.type, path, in: known, out, repeat: 1, children: [], ...cost };
  }

  topology(topology: Topology, input: Shape, path: readonly PropertyKey[]): NodeShapes {
    switch (topology.type) {
      case "ParallelTopology":
      case "BranchingTopology":
        return this.#side(topology, input, path);
      case "ResidualTopology": {
        const node = this.#chain(topology, input, path);
        if (!shapesAgree(node.out, node.in))
          this.complain([...path, "layers", topology.layers.length - 1], {
            expected: `the shape that goes into the ResidualTopology, ${formatShape(node.in)}`,
            found: formatShape(node.out),
            hint: "what goes in is added to what comes out: make the last layer give the same width",
          });
        return node;
      }
      case "CyclicTopology": {
        const node = this.#chain(topology, input, path);
        if (topology.iterations > 1 && !shapesAgree(node.out, node.in))
          this.complain([...path, "layers", topology.layers.length - 1], {
            expected: `the shape that goes into the CyclicTopology, ${formatShape(node.in)}`,
            found: formatShape(node.out),
            hint: "what comes out goes in again: make the last layer give the same width",
          });
        return { ...node, ...again(node, topology.iterations) };
      }
      default:
        return this.#chain(topology, input, path);
    }
  }

  /** In order, `repeat` times; once a repetition gets the shape of the one before, the rest is like it. */
  #chain({ type, layers, repeat }: Topology, input: Shape, path: readonly PropertyKey[]): NodeShapes {
    let stream = input;
    let cost = free;
    let children: readonly NodeShapes[] = [];
    let known = input;
    for (let done = 0; done < repeat;) {
      const before = stream;
      let once = free;
      const nodes: NodeShapes[] = [];
      for (const [index, layer] of layers.entries()) {
        const node = this.node(layer, stream, [...path, "layers", index]);
        nodes.push(node);
        once = sum(once, node);
        stream = node.out;
      }
      if (done === 0) [children, known] = [nodes, nodes[0]?.in ?? input];
      const rest = isSame(before, stream) ? repeat - done : 1;
      cost = sum(cost, copies(once, rest));
      done += rest;
    }
    return { type, path, in: known, out: stream, repeat, children, ...cost };
  }

  /** Each child gets the same. */
  #side(topology: Topology, input: Shape, path: readonly PropertyKey[]): NodeShapes {
    const { type, layers, repeat } = topology;
    const children = layers.map((layer, index) => this.node(layer, input, [...path, "layers", index]));
    const cost = copies(
      children.reduce<Cost>((total, node) => sum(total, node), free),
      repeat,
    );
    const [first] = children;
    let out = first?.out ?? input;
    if (topology.type === "BranchingTopology") {
      const { dim } = topology;
      const at = dim < 0 || out.open ? dim : dim - out.dims.length;
      if (dimAt(out, dim) === undefined)
        this.complain([...path, "dim"], {
          expected: `a dimension of ${formatShape(out)}`,
          found: String(dim),
          hint: "-1 is the last",
        });
      else {
        for (const [index, child] of children.entries())
          if (!shapesAgree(withDim(child.out, at, "?"), withDim(out, at, "?")))
            this.complain([...path, "layers", index], {
              expected: `${formatShape(withDim(out, at, "?"))}, as the first branch gives`,
              found: formatShape(child.out),
              hint: `branches are concatenated along dimension ${dim}: everything else has to be the same`,
            });
        const widths = children.map((child) => dimAt(child.out, at) ?? "?");
        const numbers = widths.filter((one) => typeof one === "number");
        const width = numbers.length < widths.length ? "?" : repeat * numbers.reduce((a, b) => a + b, 0);
        out = at < 0 ? withDim(out, at, width) : openShape();
      }
    } else {
      for (const [index, child] of children.entries())
        if (!shapesAgree(child.out, out))
          this.complain([...path, "layers", index], {
            expected: `${formatShape(out)}, as the first child gives`,
            found: formatShape(child.out),
            hint: "results are stacked: all have to have the same shape",
          });
      out = out.open ? out : { open: false, dims: [layers.length * repeat, ...out.dims] };
    }
    return { type, path, in: first?.in ?? input, out, repeat, children, ...cost };
  }
}

function isSame(a: Shape, b: Shape): boolean {
  return a.open === b.open && a.dims.length === b.dims.length && a.dims.every((dim, index) => dim === b.dims[index]);
}

/** Layers of a topology once its repetitions are written out; Infinity where that is far too many. */
export function countLayers(node: LayerNode): number {
  if (!("layers" in node)) return 1;
  let count = 1;
  for (const child of node.layers) count += countLayers(child) * node.repeat;
  return count;
}
