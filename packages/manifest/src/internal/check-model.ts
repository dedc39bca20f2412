import { inferGraphShapes } from "../infer-graph-shapes.js";
import type { GraphTopology } from "../schema/graph.js";
import { quoted } from "./located.js";
import { nearest } from "./nearest.js";
import { countLayers, inferShapes, maxLayers } from "../infer-shapes.js";
import type { Model } from "../schema/model.js";
import type { Complaint } from "./schema.js";

/** What does not fit together in a model whose parts are right: too many layers, widths that differ from node to node. */
export function modelComplaints(model: Model): readonly Complaint[] {
  const layers = countLayers(model.topology);
  if (layers > maxLayers)
    return [
      {
        code: "too_many_layers",
        path: ["topology"],
        expected: `at most ${maxLayers} layers and topologies once every repeat is written out`,
        found: layers > Number.MAX_SAFE_INTEGER ? "far more" : String(layers),
      },
    ];
  return inferShapes(model).complaints;
}

/** What does not fit together in a graph system: widths that differ, keys that come from nowhere. */
export function graphSystemComplaints(config: {
  readonly topology: GraphTopology;
  readonly output_keys: readonly string[] | null;
  readonly input_shapes: Readonly<Record<string, readonly number[]>>;
}): readonly Complaint[] {
  const { topology, output_keys, input_shapes } = config;
  let nodes = 0;
  for (const { repeat } of topology.layers) nodes += repeat;
  if (nodes > maxLayers)
    return [
      {
        code: "too_many_layers",
        path: ["topology"],
        expected: `at most ${maxLayers} nodes once every repeat is written out`,
        found: String(nodes),
      },
    ];
  const given = new Map(
    Object.entries(input_shapes).map(([key, dims]) => [key, { open: false, dims: ["B", ...dims] }]),
  );
  const { complaints, streams, inputs } = inferGraphShapes(topology, given);
  const strange = (path: readonly PropertyKey[], key: string, among: readonly string[], what: string): Complaint => ({
    code: "bad_graph",
    path,
    expected: `${what} (${among.slice(0, 12).join(", ")})`,
    found: quoted(key),
    suggestion: nearest(key, among.slice(0, 200)),
  });
  const keys = [...streams.keys()];
  return [
    ...complaints.map((complaint) => ({ ...complaint, path: ["topology", ...(complaint.path ?? [])] })),
    ...(output_keys ?? []).flatMap((key, index) =>
      streams.has(key) ? [] : [strange(["output_keys", index], key, keys, "a key of the graph")],
    ),
    ...Object.keys(input_shapes).flatMap((key) =>
      inputs.includes(key) ? [] : [strange(["input_shapes", key], key, inputs, "a key that goes into the graph")],
    ),
  ];
}
