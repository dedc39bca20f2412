import type { Graph, Value } from "../tensor/graph.js";

/** Activations a layer can name. */
export type ActivationName = "relu" | "gelu" | "silu" | "tanh" | "sigmoid";

/** x where it is positive, a fraction of it elsewhere. */
export function leakyRelu(graph: Graph, x: Value, slope: number): Value {
  return graph.where(graph.binary("gt", x, 0), x, graph.mul(x, slope));
}
