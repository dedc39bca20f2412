import type { LayerNode, Topology } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { Value } from "../tensor/graph.js";
import { show } from "../tensor/shape.js";
import { type ForwardPass, under } from "./forward-pass.js";
import { applyLayer } from "./layer.js";

/**
 * A topology applied to one stream. Children are named `layers.0`, `layers.1`, ... as in a PyTorch ModuleList; a
 * topology that repeats has the children of each repetition after each other.
 */
export function applyTopology(pass: ForwardPass, path: string, topology: Topology, x: Value): Value {
  const children = Array.from({ length: topology.repeat }, () => topology.layers).flat();
  const child = (node: LayerNode, k: number, input: Value): Value => {
    const name = under(path, `layers.${k}`);
    return "layers" in node ? applyTopology(pass, name, node, input) : applyLayer(pass, name, node, [input]);
  };
  const inOrder = (input: Value): Value => children.reduce((y, node, k) => child(node, k, y), input);
  const { graph } = pass;
  switch (topology.type) {
    case "StackedTopology":
    case "NestedTopology":
    case "SequentialTopology":
    case "RecurrentTopology":
      return inOrder(x);
    case "CyclicTopology": {
      let y = x;
      for (let i = 0; i < topology.iterations; i++) y = inOrder(y);
      return y;
    }
    case "ResidualTopology": {
      const y = inOrder(x);
      if (show(y.shape) !== show(x.shape)) {
        throw new ExperimentError(
          "shape_mismatch",
          `${path}: what is added to its input must have its shape ${show(x.shape)}, found ${show(y.shape)}`,
        );
      }
      return graph.add(x, y);
    }
    case "ParallelTopology":
      return graph.stack(
        children.map((node, k) => child(node, k, x)),
        0,
      );
    case "BranchingTopology":
      return graph.concat(
        children.map((node, k) => child(node, k, x)),
        topology.dim,
      );
  }
}
