import { executionOrder } from "./internal/check-graph.js";
import { type Cost, copies, free, sum } from "./internal/cost.js";
import { applyLayer, convolution, windowed } from "./internal/layer-shapes.js";
import type { Complaint } from "./internal/schema.js";
import type { GraphNode, GraphOpNode, GraphTopology } from "./schema/graph.js";
import {
  type Dim,
  type Shape,
  dimAt,
  dimsAgree,
  elements,
  formatShape,
  openShape,
  shapesAgree,
  withDim,
} from "./shape.js";

/** A node of a graph with what goes in and out, and what it costs. */
export interface GraphNodeShapes extends Cost {
  readonly id: string;
  /** The layer's type, the operation, or the symbol. */
  readonly op: string;
  /** Its index in the topology's `layers`. */
  readonly index: number;
  readonly in: readonly Shape[];
  readonly out: readonly Shape[];
  readonly repeat: number;
}

/** The shapes and costs of a graph. */
export interface GraphShapes extends Cost {
  /** In the order in which they run. */
  readonly nodes: readonly GraphNodeShapes[];
  /** What is read and made by no node. */
  readonly inputs: readonly string[];
  readonly streams: ReadonlyMap<string, Shape>;
  readonly complaints: readonly Complaint[];
}

/** Follows tensors through a graph, node by node; `given` has the shapes of what goes in, as far as they are known. */
export function inferGraphShapes(graph: GraphTopology, given: ReadonlyMap<string, Shape> = new Map()): GraphShapes {
  const streams = new Map<string, Shape>();
  const made = new Set(graph.layers.flatMap(({ out }) => out));
  const inputs = [...new Set(graph.layers.flatMap((node) => node.in))].filter((key) => !made.has(key));
  for (const key of inputs) streams.set(key, given.get(key) ?? openShape());
  const complaints: Complaint[] = [];
  const nodes: GraphNodeShapes[] = [];
  let total = free;
  const indices = new Map(graph.layers.map((node, index) => [node, index]));
  for (const node of executionOrder(graph.layers)) {
    const index = indices.get(node) ?? 0;
    const args = node.in.map((key) => streams.get(key) ?? openShape());
    let { outs, cost, complaint } = applyNode(node, args);
    if (complaint === null && node.repeat > 1) {
      const second = applyNode(node, outs);
      complaint = second.complaint;
      ({ outs } = second);
      cost = copies(cost, node.repeat);
    }
    if (complaint !== null)
      complaints.push({
        code: "shape_mismatch",
        path: ["layers", index, ...complaint.path],
        expected: complaint.expected,
        found: complaint.found,
        sentence: `expected ${complaint.expected}, found ${complaint.found} (node ${JSON.stringify(node.id)} reads ${node.in.map((key, at) => `${key} ${formatShape(args[at] ?? openShape())}`).join(", ")})`,
      });
    for (const [at, key] of node.out.entries()) streams.set(key, outs[at] ?? openShape());
    const op = node.kind === "layer" ? node.layer.type : node.op;
    nodes.push({
      id: node.id,
      op,
      index,
      in: args,
      out: node.out.map((_, at) => outs[at] ?? openShape()),
      repeat: node.repeat,
      ...cost,
    });
    total = sum(total, cost);
  }
  return { ...total, nodes, inputs, streams, complaints };
}

interface NodeComplaint {
  readonly path: readonly PropertyKey[];
  readonly expected: string;
  readonly found: string;
}

interface Applied {
  readonly outs: readonly Shape[];
  readonly cost: Cost;
  readonly complaint: NodeComplaint | null;
}

const unknown: Cost = { params: 0, trainable: 0, flops: null, activations: null };

function applyNode(node: GraphNode, args: readonly Shape[]): Applied {
  const [input = openShape()] = args;
  if (node.kind === "symbol") return { outs: node.out.map(() => openShape()), cost: unknown, complaint: null };
  const count = (expected: number | null, words: string): NodeComplaint | null =>
    expected === null || args.length === expected
      ? null
      : { path: ["in"], expected: words, found: `${args.length} keys` };
  if (node.out.length !== 1 && !(node.kind === "layer" && node.layer.type === "RNNLayer"))
    return {
      outs: [],
      cost: unknown,
      complaint: { path: ["out"], expected: "one key", found: `${node.out.length} keys` },
    };
  if (node.kind === "layer") {
    const isGraph = node.layer.type === "GraphConvLayer";
    const { out, problem, cost } = applyLayer(node.layer, input);
    const complaint =
      count(isGraph ? 2 : 1, isGraph ? "two keys: the features and the adjacency" : "one key") ??
      (problem === null ? null : { path: [], expected: `${problem.field} ${problem.expected}`, found: problem.found });
    return { outs: [out], cost, complaint };
  }
  return applyOp(node, args, input, count);
}

function applyOp(
  node: GraphOpNode,
  args: readonly Shape[],
  input: Shape,
  count: (expected: number | null, words: string) => NodeComplaint | null,
): Applied {
  const one = count(1, "one key");
  const same = (complaint: NodeComplaint | null = one, params = 0): Applied => {
    const cost = { params, trainable: params, flops: 0, activations: elements(input) };
    return { outs: [input], cost, complaint };
  };
  const to = (out: Shape, complaint: NodeComplaint | null = one, cost: Partial<Cost> = {}): Applied => ({
    outs: [out],
    cost: { params: 0, trainable: cost.params ?? 0, flops: 0, activations: elements(out), ...cost },
    complaint,
  });
  const bad = (field: string, expected: string, found: string): NodeComplaint => ({
    path: ["config", field],
    expected,
    found,
  });

  switch (node.op) {
    case "Identity":
    case "ReLU":
    case "GELU":
    case "SiLU":
    case "Tanh":
    case "Sigmoid":
    case "Dropout":
      return same();
    case "Softmax":
    case "LogSoftmax":
      return same(
        one ??
          (dimAt(input, node.config.dim) === undefined
            ? bad("dim", `a dimension of ${formatShape(input)}`, String(node.config.dim))
            : null),
      );
    case "Linear": {
      const { in_features, out_features, bias } = node.config;
      const last = dimAt(input, -1);
      const fits = last !== undefined && dimsAgree(last, in_features);
      const out = withDim(input, -1, out_features);
      const values = elements(out);
      return to(out, one ?? (fits ? null : bad("in_features", String(last ?? "?"), String(in_features))), {
        params: in_features * out_features + (bias ? out_features : 0),
        flops: values === null ? null : 2 * in_features * values,
      });
    }
    case "Conv2d": {
      const { out, problem, cost } = convolution({ ...node.config }, input);
      return {
        outs: [out],
        cost,
        complaint: one ?? (problem === null ? null : bad(problem.field, problem.expected, problem.found)),
      };
    }
    case "LayerNorm":
    case "RMSNorm": {
      const { normalized_shape, elementwise_affine } = node.config;
      const fits =
        shapesAgree(input, { open: true, dims: normalized_shape }) &&
        (input.open || input.dims.length >= normalized_shape.length);
      const values = normalized_shape.reduce((a, b) => a * b, 1);
      const params = elementwise_affine ? values * (node.op === "LayerNorm" ? 2 : 1) : 0;
      return same(
        one ??
          (fits
            ? null
            : bad("normalized_shape", `the last dimensions of ${formatShape(input)}`, normalized_shape.join(" x "))),
        params,
      );
    }
    case "BatchNorm1d":
    case "BatchNorm2d": {
      const { num_features, affine } = node.config;
      const channels = node.op === "BatchNorm2d" ? dimAt(input, -3) : input.open ? "?" : input.dims[1];
      const fits = channels !== undefined && dimsAgree(channels, num_features);
      return same(
        one ?? (fits ? null : bad("num_features", String(channels ?? "a dimension of channels"), String(num_features))),
        affine ? 2 * num_features : 0,
      );
    }
    case "Flatten": {
      const { start_dim, end_dim } = node.config;
      if (input.open) return to(openShape());
      const rank = input.dims.length;
      const [first, last] = [start_dim, end_dim].map((dim) => (dim < 0 ? dim + rank : dim)) as [number, number];
      if (first < 0 || last >= rank || first > last)
        return to(
          openShape(),
          one ?? bad("start_dim", `dimensions of ${formatShape(input)}`, `${start_dim} to ${end_dim}`),
        );
      const joined = elements({ open: false, dims: input.dims.slice(first, last + 1) }) ?? "?";
      return to({ open: false, dims: [...input.dims.slice(0, first), joined, ...input.dims.slice(last + 1)] });
    }
    case "MaxPool2d":
    case "AvgPool2d": {
      const { kernel_size, stride, padding } = node.config;
      const step = stride ?? kernel_size;
      let out = input;
      for (const axis of [0, 1] as const)
        out = withDim(
          out,
          axis - 2,
          windowed(dimAt(input, axis - 2) ?? "?", kernel_size[axis], step[axis], padding[axis], padding[axis]),
        );
      const isEmpty = out.dims.some((dim) => typeof dim === "number" && dim < 1);
      return to(
        out,
        one ??
          image(input) ??
          (isEmpty
            ? bad("kernel_size", `a window that fits into ${formatShape(input)}`, kernel_size.join(" x "))
            : null),
      );
    }
    case "AdaptiveAvgPool2d": {
      const [height, width] = node.config.output_size;
      return to(withDim(withDim(input, -2, height), -1, width), one ?? image(input));
    }
    case "Embedding": {
      const { num_embeddings, embedding_dim } = node.config;
      return to({ open: input.open, dims: [...input.dims, embedding_dim] }, one, {
        params: num_embeddings * embedding_dim,
      });
    }
    case "Concat": {
      const { dim } = node.config;
      const at = dim < 0 || input.open ? dim : dim - input.dims.length;
      const odd = args.findIndex(
        (arg) => dimAt(arg, at) === undefined || !shapesAgree(withDim(arg, at, "?"), withDim(input, at, "?")),
      );
      if (odd >= 0)
        return to(openShape(), {
          path: ["in"],
          expected: `shapes that agree but for dimension ${dim} (${formatShape(input)})`,
          found: formatShape(args[odd] ?? openShape()),
        });
      const lengths = args.map((arg) => dimAt(arg, at) ?? "?");
      const numbers = lengths.filter((length) => typeof length === "number");
      const joined: Dim = numbers.length < lengths.length ? "?" : numbers.reduce((a, b) => a + b, 0);
      return to(at < 0 ? withDim(input, at, joined) : openShape(), null);
    }
    case "Add":
    case "Mul": {
      const few = args.length < 2 ? count(2, "two keys or more") : null;
      let out = input;
      for (const arg of args.slice(1)) {
        const both = broadcast(out, arg);
        if (both === null)
          return to(
            openShape(),
            few ?? { path: ["in"], expected: `a shape that fits ${formatShape(out)}`, found: formatShape(arg) },
          );
        out = both;
      }
      return to(out, few);
    }
    case "MatMul": {
      const two = count(2, "two keys");
      const other = args[1] ?? openShape();
      const [inner, wanted] = [dimAt(input, -1), dimAt(other, -2)];
      const fits = inner !== undefined && wanted !== undefined && dimsAgree(inner, wanted);
      const out = withDim(input, -1, dimAt(other, -1) ?? "?");
      const values = elements(out);
      const flops = values === null || typeof inner !== "number" ? null : 2 * values * inner;
      return to(
        out,
        two ??
          (fits
            ? null
            : {
                path: ["in"],
                expected: `a second factor of [..., ${String(inner ?? "?")}, ?]`,
                found: formatShape(other),
              }),
        { flops },
      );
    }
    case "Reshape": {
      const { shape } = node.config;
      const free = shape.filter((dim) => dim === -1).length;
      const values = elements(input);
      const known = shape.filter((dim) => dim !== -1).reduce((a, b) => a * b, 1);
      if (free > 1 || shape.some((dim) => dim < -1 || dim === 0))
        return to(openShape(), bad("shape", "numbers of at least 1, and -1 once at most", shape.join(" x ")));
      if (values !== null && (free === 1 ? values % known !== 0 : values !== known))
        return to(openShape(), one ?? bad("shape", `${values} elements`, shape.join(" x ")));
      const rest: Dim = values === null ? "?" : values / known;
      return to({ open: false, dims: shape.map((dim) => (dim === -1 ? rest : dim)) });
    }
    case "Transpose": {
      const { dim0, dim1 } = node.config;
      const [a, b] = [dimAt(input, dim0), dimAt(input, dim1)];
      if (a === undefined || b === undefined)
        return to(
          openShape(),
          one ??
            bad(
              a === undefined ? "dim0" : "dim1",
              `a dimension of ${formatShape(input)}`,
              String(a === undefined ? dim0 : dim1),
            ),
        );
      if (input.open && (dim0 >= 0 || dim1 >= 0)) return to(openShape());
      return to(withDim(withDim(input, dim0, b), dim1, a));
    }
    case "Mean": {
      const { dim: over, keepdim } = node.config;
      if (input.open) return to(openShape());
      const rank = input.dims.length;
      const all = new Set(over.map((dim) => (dim < 0 ? dim + rank : dim)));
      if ([...all].some((dim) => dim < 0 || dim >= rank))
        return to(openShape(), one ?? bad("dim", `dimensions of ${formatShape(input)}`, over.join(", ")));
      return to({
        open: false,
        dims: keepdim
          ? input.dims.map((dim, at) => (all.has(at) ? 1 : dim))
          : input.dims.filter((_, at) => !all.has(at)),
      });
    }
  }
}

function image(input: Shape): NodeComplaint | null {
  if (input.open || input.dims.length === 4) return null;
  return { path: ["in"], expected: "a stream of [batch, channels, height, width]", found: formatShape(input) };
}

/** The shape of an elementwise function of two, by the rules of NumPy; null where they do not fit. */
function broadcast(a: Shape, b: Shape): Shape | null {
  const [long, short] = a.dims.length >= b.dims.length ? [a, b] : [b, a];
  const extra = long.dims.length - short.dims.length;
  const dims: Dim[] = [];
  for (const [index, dim] of long.dims.entries()) {
    const other = index < extra ? 1 : (short.dims[index - extra] ?? 1);
    if (!dimsAgree(dim, other) && dim !== 1 && other !== 1) return null;
    dims.push(dim === 1 || dim === "?" ? (other === 1 ? dim : other) : dim);
  }
  return { open: a.open || b.open, dims };
}
