import type { Graph, Value } from "../tensor/graph.js";

/** Activations a layer can name. */
export type ActivationName =
  "relu" | "gelu" | "silu" | "tanh" | "sigmoid" | "identity" | "leaky_relu" | "elu" | "softplus" | "mish";

/** An activation, number by number. */
export function activate(graph: Graph, name: ActivationName, x: Value): Value {
  switch (name) {
    case "identity":
      return x;
    case "leaky_relu":
      return leakyRelu(graph, x, 0.01);
    case "elu": {
      const negative = graph.sub(graph.unary("exp", graph.binary("min", x, 0)), 1);
      return graph.where(graph.binary("gt", x, 0), x, negative);
    }
    case "mish":
      return graph.mul(x, graph.unary("tanh", graph.unary("softplus", x)));
    default:
      return graph.unary(name, x);
  }
}

/** x where it is positive, a fraction of it elsewhere. */
export function leakyRelu(graph: Graph, x: Value, slope: number): Value {
  return graph.where(graph.binary("gt", x, 0), x, graph.mul(x, slope));
}
