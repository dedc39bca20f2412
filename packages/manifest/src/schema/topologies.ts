import {
  type Infer,
  type Schema,
  defaulted,
  exactly,
  lazy,
  listOf,
  object,
  positiveInteger,
  required,
  tagged,
  wholeNumber,
} from "../internal/schema.js";
import { type Layer, type LayerInput, layerAliases, layerSchemas } from "./layers.js";

interface Sequence<Type extends string> {
  readonly type: Type;
  readonly layers: readonly LayerNode[];
  readonly repeat: number;
}

/** In order, one after the other; each repetition has weights of its own. */
export type StackedTopology = Sequence<"StackedTopology">;
/** The same as stacked: a group inside another topology. */
export type NestedTopology = Sequence<"NestedTopology">;
/** The same as stacked. */
export type SequentialTopology = Sequence<"SequentialTopology">;
/** In order, `iterations` times with the same weights. */
export type CyclicTopology = Sequence<"CyclicTopology"> & { readonly iterations: number };
/** What goes in is added to what comes out. */
export type ResidualTopology = Sequence<"ResidualTopology">;
/** Each child gets the same; results are stacked along a new first dimension. */
export type ParallelTopology = Sequence<"ParallelTopology">;
/** Each child gets the same; results are concatenated along `dim`. */
export type BranchingTopology = Sequence<"BranchingTopology"> & { readonly dim: number };
/** In order; the states of recurrent layers are handed on from call to call. */
export type RecurrentTopology = Sequence<"RecurrentTopology">;

/** A topology of one stream; told apart by `type`. */
export type Topology =
  | StackedTopology
  | NestedTopology
  | SequentialTopology
  | CyclicTopology
  | ResidualTopology
  | ParallelTopology
  | BranchingTopology
  | RecurrentTopology;

/** What a topology is made of. */
export type LayerNode = Layer | Topology;

interface SequenceInput<Type extends string> {
  readonly type: Type;
  readonly layers: readonly LayerNodeInput[];
  readonly repeat?: number | string | undefined;
}

/** A topology as a program may write it. */
export type TopologyInput =
  | SequenceInput<Exclude<Topology["type"], "CyclicTopology" | "BranchingTopology">>
  | (SequenceInput<"CyclicTopology"> & { readonly iterations?: number | string | undefined })
  | (SequenceInput<"BranchingTopology"> & { readonly dim?: number | string | undefined });

/** A layer or a topology as a program may write it. */
export type LayerNodeInput = LayerInput | TopologyInput;

const node: Schema<LayerNode, LayerNodeInput> = lazy("a layer or a topology", () =>
  tagged(
    "type",
    "a layer or a topology",
    { ...layerSchemas, ...topologySchemas },
    { aliases: { ...layerAliases, ...topologyAliases } },
  ),
);

const shared = {
  layers: required(listOf(node, { min: 1 }), "Layers and topologies, in order."),
  repeat: defaulted(positiveInteger, 1, "How many times the list is repeated, each time with weights of its own."),
};

export const topologySchemas = {
  StackedTopology: object("StackedTopology", { type: required(exactly("StackedTopology"), ""), ...shared }),
  NestedTopology: object("NestedTopology", { type: required(exactly("NestedTopology"), ""), ...shared }),
  SequentialTopology: object("SequentialTopology", { type: required(exactly("SequentialTopology"), ""), ...shared }),
  CyclicTopology: object("CyclicTopology", {
    type: required(exactly("CyclicTopology"), ""),
    ...shared,
    iterations: defaulted(positiveInteger, 1, "How many times everything runs, with the same weights."),
  }),
  ResidualTopology: object("ResidualTopology", { type: required(exactly("ResidualTopology"), ""), ...shared }),
  ParallelTopology: object("ParallelTopology", { type: required(exactly("ParallelTopology"), ""), ...shared }),
  BranchingTopology: object("BranchingTopology", {
    type: required(exactly("BranchingTopology"), ""),
    ...shared,
    dim: defaulted(wholeNumber, -1, "The dimension along which results are concatenated; -1 is the last."),
  }),
  RecurrentTopology: object("RecurrentTopology", { type: required(exactly("RecurrentTopology"), ""), ...shared }),
} as const;

/** Short names of topologies, as in older manifests. */
const topologyAliases: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(topologySchemas).map((name) => [name.replace("Topology", "").toLowerCase(), name]),
);

/** A topology of one stream. */
export const topologySchema: Schema<Topology, TopologyInput> = tagged("type", "a topology", topologySchemas, {
  aliases: topologyAliases,
});

// The interfaces above are what the tables give; recursion keeps them from being inferred.
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
export const tablesAgree: Same<Infer<(typeof topologySchemas)[keyof typeof topologySchemas]>, Topology> = true;
