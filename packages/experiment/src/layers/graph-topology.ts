import type { GraphNode, GraphTopology } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { Value } from "../tensor/graph.js";
import { type ForwardPass, under } from "./forward-pass.js";
import { applyLayer } from "./layer.js";
import { applyOp } from "./op.js";

/**
 * An operation of the user's: builds its part of the program from the values of its inputs and says what comes out, one
 * value per output key. It may ask `pass` for parameters, whose names begin with `path`.
 */
export type CustomOp = (
  pass: ForwardPass,
  path: string,
  inputs: readonly Value[],
  config: Readonly<Record<string, unknown>>,
) => Value | readonly Value[];

/**
 * A graph of nodes with named inputs and outputs, in the order in which their inputs become known. Gives every stream,
 * the given ones included. Nodes are named `layers.ID`.
 */
export function applyGraph(
  pass: ForwardPass,
  path: string,
  topology: GraphTopology,
  given: ReadonlyMap<string, Value>,
  custom: ReadonlyMap<string, CustomOp>,
): Map<string, Value> {
  const streams = new Map(given);
  let waiting = topology.layers.flatMap(repetitions);
  while (waiting.length > 0) {
    const ready = waiting.find((node) => node.in.every((key) => streams.has(key)));
    if (ready === undefined) {
      const lacking = waiting.map(
        ({ id, in: keys }) => `${id} (${keys.filter((key) => !streams.has(key)).join(", ")})`,
      );
      throw new ExperimentError("missing_key", `${path}: inputs that nothing gives: ${lacking.slice(0, 8).join("; ")}`);
    }
    waiting = waiting.filter((node) => node !== ready);
    const inputs = ready.in.map((key) => streams.get(key)).filter((value) => value !== undefined);
    const outputs = applyNode(pass, under(path, `layers.${ready.id}`), ready, inputs, custom);
    if (outputs.length !== ready.out.length) {
      throw new ExperimentError(
        "invalid_layer",
        `${path}: node ${ready.id} has the outputs ${ready.out.join(", ")} but gives ${outputs.length}`,
      );
    }
    for (const [i, key] of ready.out.entries()) {
      const value = outputs[i];
      if (value !== undefined) streams.set(key, value);
    }
  }
  return streams;
}

function applyNode(
  pass: ForwardPass,
  path: string,
  node: GraphNode,
  inputs: readonly Value[],
  custom: ReadonlyMap<string, CustomOp>,
): readonly Value[] {
  switch (node.kind) {
    case "layer":
      return [applyLayer(pass, path, node.layer, inputs)];
    case "op":
      return [applyOp(pass, path, node, inputs)];
    case "symbol": {
      const op = custom.get(node.op);
      if (op === undefined) {
        throw new ExperimentError(
          "unsupported",
          `${path}: ${node.op} is not loaded here; js: modules are, python: ones need a worker`,
        );
      }
      const results = op(pass, path, inputs, node.config);
      return "id" in results ? [results] : results;
    }
  }
}

/** A node that repeats as a chain of nodes; the last one writes what the node writes. */
function repetitions(node: GraphNode): GraphNode[] {
  if (node.repeat === 1) return [node];
  const [from] = node.in;
  const [to] = node.out;
  if (from === undefined || to === undefined || node.in.length !== 1 || node.out.length !== 1) {
    throw new ExperimentError("invalid_layer", `graph node repeat requires single in/out keys (node=${node.id})`);
  }
  return Array.from({ length: node.repeat }, (_, i) => ({
    ...node,
    id: `${node.id}__${i}`,
    repeat: 1,
    in: [i === 0 ? from : `${to}__${i - 1}`],
    out: [i === node.repeat - 1 ? to : `${to}__${i}`],
  }));
}
