import {
  type Infer,
  type JsonSchema,
  type Schema,
  anything,
  boolean,
  defaulted,
  exactly,
  invalid,
  listOf,
  mapOf,
  naturalNumber,
  object,
  optional,
  pairOf,
  positiveInteger,
  positiveNumber,
  probability,
  refined,
  required,
  string,
  tagged,
  wholeNumber,
  wordOr,
} from "../internal/schema.js";
import { type LocatedMap, describe, entryOf, map, quoted } from "../internal/located.js";
import { graphComplaints } from "../internal/check-graph.js";
import { type Layer, type LayerInput, layerAliases, layerSchemas } from "./layers.js";

const name = string({ min: 1 });
const names = listOf(name, { min: 1, single: true });
const wholeNumbers = listOf(wholeNumber, { min: 1, single: true });
const noConfig = {} as const;
const window = {
  kernel_size: required(pairOf(positiveInteger), "Height and width of the window."),
  stride: optional(pairOf(positiveInteger), "Steps of the window; its size when missing."),
  padding: defaulted(pairOf(naturalNumber), [0, 0], "Rows and columns added on each side."),
};
const norm = {
  num_features: required(positiveInteger, "Channels."),
  eps: defaulted(positiveNumber, 1e-5, "Added to the variance."),
  momentum: defaulted(probability, 0.1, "Weight of the newest batch in the running figures."),
  affine: defaulted(boolean(), true, "Whether each channel has a learned scale and shift."),
};

/** The configurations of operations, by their name; those of torch.nn that graphs of this kind use. */
export const opConfigs = {
  Linear: object("Linear", {
    in_features: required(positiveInteger, "Width of what goes in."),
    out_features: required(positiveInteger, "Width of what comes out."),
    bias: defaulted(boolean(), true, "Whether a learned constant is added."),
  }),
  Conv2d: object("Conv2d", {
    in_channels: required(positiveInteger, "Channels of what goes in."),
    out_channels: required(positiveInteger, "Channels of what comes out."),
    kernel_size: required(pairOf(positiveInteger), "Height and width of the window."),
    stride: defaulted(pairOf(positiveInteger), [1, 1], "Steps of the window."),
    padding: defaulted(wordOr(["same", "valid"], pairOf(naturalNumber)), [0, 0], "Rows and columns added."),
    dilation: defaulted(pairOf(positiveInteger), [1, 1], "Distance between the values of a window."),
    groups: defaulted(positiveInteger, 1, "Channels are split into this many groups."),
    bias: defaulted(boolean(), true, "Whether a learned constant is added."),
  }),
  ReLU: object("ReLU", noConfig),
  GELU: object("GELU", noConfig),
  SiLU: object("SiLU", noConfig),
  Tanh: object("Tanh", noConfig),
  Sigmoid: object("Sigmoid", noConfig),
  Softmax: object("Softmax", { dim: defaulted(wholeNumber, -1, "The dimension that sums to 1.") }),
  LogSoftmax: object("LogSoftmax", { dim: defaulted(wholeNumber, -1, "The dimension that sums to 1.") }),
  Dropout: object("Dropout", { p: defaulted(probability, 0.5, "Probability with which a value is zeroed.") }),
  LayerNorm: object("LayerNorm", {
    normalized_shape: required(listOf(positiveInteger, { min: 1, single: true }), "The last dimensions."),
    eps: defaulted(positiveNumber, 1e-5, "Added to the variance."),
    elementwise_affine: defaulted(boolean(), true, "Whether each value has a learned scale and shift."),
  }),
  RMSNorm: object("RMSNorm", {
    normalized_shape: required(listOf(positiveInteger, { min: 1, single: true }), "The last dimensions."),
    eps: defaulted(positiveNumber, 1e-5, "Added to the mean of squares."),
    elementwise_affine: defaulted(boolean(), true, "Whether each value has a learned scale."),
  }),
  BatchNorm1d: object("BatchNorm1d", norm),
  BatchNorm2d: object("BatchNorm2d", norm),
  Flatten: object("Flatten", {
    start_dim: defaulted(wholeNumber, 1, "The first dimension that is joined."),
    end_dim: defaulted(wholeNumber, -1, "The last dimension that is joined."),
  }),
  MaxPool2d: object("MaxPool2d", window),
  AvgPool2d: object("AvgPool2d", window),
  AdaptiveAvgPool2d: object("AdaptiveAvgPool2d", {
    output_size: required(pairOf(positiveInteger), "Height and width of what comes out."),
  }),
  Embedding: object("Embedding", {
    num_embeddings: required(positiveInteger, "Rows of the table."),
    embedding_dim: required(positiveInteger, "Width of a row."),
  }),
  Identity: object("Identity", noConfig),
  Concat: object("Concat", { dim: defaulted(wholeNumber, -1, "The dimension along which inputs are joined.") }),
  Add: object("Add", noConfig),
  Mul: object("Mul", noConfig),
  MatMul: object("MatMul", noConfig),
  Reshape: object("Reshape", { shape: required(wholeNumbers, "All dimensions, the batch included; one may be -1.") }),
  Transpose: object("Transpose", {
    dim0: required(wholeNumber, "One dimension."),
    dim1: required(wholeNumber, "The other."),
  }),
  Mean: object("Mean", {
    dim: required(wholeNumbers, "The dimensions over which the mean is taken."),
    keepdim: defaulted(boolean(), false, "Whether they stay, with length 1."),
  }),
} as const;

export type OpName = keyof typeof opConfigs;
type OpConfigs = { readonly [K in OpName]: Infer<(typeof opConfigs)[K]> };

interface NodeOf {
  readonly id: string;
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly repeat: number;
}

/** A node that runs a layer. */
export interface GraphLayerNode extends NodeOf {
  readonly kind: "layer";
  readonly layer: Layer;
}

/** A node that runs a built-in operation; `op` tells what `config` is. */
export type GraphOpNode = {
  readonly [K in OpName]: NodeOf & { readonly kind: "op"; readonly op: K; readonly config: OpConfigs[K] };
}[OpName];

/** A node that runs code of the user's: `js:./file.mjs#Export` or `python:module:Symbol`. */
export interface GraphSymbolNode extends NodeOf {
  readonly kind: "symbol";
  readonly op: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** A node of a graph; told apart by `kind`. */
export type GraphNode = GraphLayerNode | GraphOpNode | GraphSymbolNode;

/** A graph of nodes with named inputs and outputs. */
export interface GraphTopology {
  readonly type: "GraphTopology";
  readonly layers: readonly GraphNode[];
  /** The keys that are given, when the manifest says them; null: whatever is read and made by no node. */
  readonly inputs: readonly string[] | null;
}

interface PortsInput {
  readonly id: string;
  readonly in: string | readonly string[];
  readonly out: string | readonly string[];
  readonly repeat?: number | string | undefined;
}

/** A node as a program may write it. */
export type GraphNodeInput =
  | (PortsInput & { readonly layer: LayerInput })
  | (PortsInput & LayerInput)
  | (PortsInput & { readonly op: string; readonly config?: Readonly<Record<string, unknown>> | undefined });

/** A graph as a program may write it. */
export interface GraphTopologyInput {
  readonly type?: "GraphTopology" | undefined;
  readonly layers?: readonly GraphNodeInput[] | undefined;
  readonly nodes?: readonly GraphNodeInput[] | undefined;
  readonly inputs?: readonly string[] | undefined;
}

const ports = {
  id: required(name, "The node's name, unique in the graph."),
  in: required(names, "The keys it reads, in the order of its arguments."),
  out: required(names, "The keys it writes."),
  repeat: defaulted(positiveInteger, 1, "How many copies follow each other; needs one key in and one out."),
};
const portNames = Object.keys(ports);
const portsOnly = object("GraphNode", ports);
const layerSchema = tagged("type", "a layer", layerSchemas, { aliases: layerAliases });
const layerNode = object("GraphNode with a layer", { ...ports, layer: required(layerSchema, "The layer.") });

/** Whether an operation is code of the user's. */
export const symbolPattern = /^(js:(?!#).+#[A-Za-z_$][\w$]*|python:[\w.]+:[A-Za-z_]\w*)$/;

const opNode = object("GraphNode with an op", {
  ...ports,
  op: required(name, "The operation."),
  config: defaulted(mapOf(anything()), {}, "What the operation is given."),
});

/** A node in its three ways: an op, a layer under `layer`, a layer beside `id`, `in` and `out`. */
const graphNode: Schema<GraphNode, GraphNodeInput> = {
  expected: "a node with id, in, out, and one of op, layer or type",
  check(node, context) {
    if (node.kind !== "map")
      return context.add(node, { code: "wrong_type", expected: graphNode.expected, found: describe(node) });
    const has = (key: string): boolean => entryOf(node, key) !== undefined;
    const ways = ["op", "layer", "type"].filter(has);
    if (ways.length !== 1)
      return context.add(node, {
        code: ways.length === 0 ? "missing_key" : "does_not_fit",
        expected: "exactly one of op, layer and type",
        found: ways.length === 0 ? "none of them" : ways.join(" and "),
        sentence: `a graph node has exactly one of op, layer and type, found ${ways.length === 0 ? "none" : ways.join(" and ")}`,
      });
    if (ways[0] === "layer") {
      const found = layerNode.checkMap(node, context);
      return found === invalid ? invalid : { kind: "layer", ...found };
    }
    if (ways[0] === "type") {
      const part = (isPort: boolean): LocatedMap =>
        map(
          node.entries.filter(({ key }) => portNames.includes(key) === isPort),
          node.offset,
        );
      const found = portsOnly.checkMap(part(true), context);
      const layer = layerSchema.check(part(false), context);
      return found === invalid || layer === invalid ? invalid : { kind: "layer", ...found, layer };
    }
    const found = opNode.checkMap(node, context);
    if (found === invalid) return invalid;
    const { op } = found;
    if (symbolPattern.test(op)) return { kind: "symbol", ...found };
    const schema = Object.hasOwn(opConfigs, op) ? opConfigs[op as OpName] : undefined;
    if (schema === undefined) return context.at("op", () => unknownOp(op, entryOf(node, "op")?.value ?? node));
    const given = entryOf(node, "config")?.value ?? map([], node.offset);
    const config = context.at("config", () => schema.check(given, context));
    // `op` chose the schema of `config`.
    return config === invalid ? invalid : ({ ...found, kind: "op", op, config } as GraphOpNode);

    function unknownOp(text: string, at: Parameters<typeof context.add>[0]): typeof invalid {
      const valid = [...Object.keys(opConfigs), "js:./file.mjs#Export", "python:module:Symbol"];
      return context.add(at, {
        code: "not_in_enum",
        expected: `one of ${valid.join(", ")}`,
        found: quoted(text),
        suggestion: nearestOp(text),
      });
    }
  },
  json: (definitions) => ({
    anyOf: [
      layerNode.json(definitions),
      ...Object.entries(layerSchemas).map(([type, schema]) =>
        definitions.reference(`GraphNode ${type}`, () => {
          const [layer, own] = [schema, portsOnly].map((one) => definitions.resolve(one.json(definitions)));
          return {
            ...layer,
            properties: { ...propertiesOf(layer), ...propertiesOf(own) },
            required: [...requiredOf(layer), ...requiredOf(own)],
          };
        }),
      ),
      opNode.json(definitions),
    ],
  }),
};

const propertiesOf = (schema: JsonSchema | undefined): object => Object(schema?.["properties"]) as object;
const requiredOf = (schema: JsonSchema | undefined): readonly unknown[] => {
  const names: unknown = schema?.["required"];
  return Array.isArray(names) ? names : [];
};

const visitNode: NonNullable<typeof graphNode.visit> = (value, path, visitor) => {
  // A checked node; `kind` says what it holds.
  const node = value as GraphNode;
  visitor("GraphNode", ports, { ...node }, path);
  if (node.kind === "layer") layerSchema.visit?.(node.layer, path, visitor);
  if (node.kind === "op") opConfigs[node.op].visit?.(node.config, [...path, "config"], visitor);
};
graphNode.visit = visitNode;

function nearestOp(text: string): string | undefined {
  const plain = text.replace(/^(torch\.nn\.|nn\.)/, "");
  return Object.keys(opConfigs).find((op) => op.toLowerCase() === plain.toLowerCase());
}

const graphObject = object("GraphTopology", {
  type: defaulted(exactly("GraphTopology"), "GraphTopology", ""),
  layers: required(listOf(graphNode, { min: 1 }), "The nodes, in any order.", ["nodes"]),
  inputs: optional(listOf(name, { min: 1 }), "The keys that are given; then nothing else may be read from outside."),
});

/** Graphs whose nodes have names of their own, whose keys have one maker each, and which have no cycle. */
export const graphTopologySchema: Schema<GraphTopology, GraphTopologyInput> = refined(
  graphObject as Schema<GraphTopology, GraphTopologyInput>,
  (graph, report) => graphComplaints(graph).forEach(report),
);
