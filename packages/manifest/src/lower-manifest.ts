import type { GraphNode, GraphTopology } from "./schema/graph.js";
import type { ExperimentTarget, Manifest, ProcessTarget, Run } from "./schema/manifest.js";
import type { Model } from "./schema/model.js";
import type { LayerNode, Topology } from "./schema/topologies.js";
import type { System } from "./schema/systems.js";

/** A run with one seed. */
export type LoweredRun = Omit<Run, "seed"> & { readonly seed: number };

/** An experiment whose repetitions are written out: every `repeat` is 1, every run has one seed. */
export type LoweredExperimentTarget = Omit<ExperimentTarget, "runs"> & { readonly runs: readonly LoweredRun[] };

/** A target of a lowered manifest. */
export type LoweredTarget = LoweredExperimentTarget | ProcessTarget;

/** A manifest whose repetitions are written out: what engines take. Plain data. */
export type LoweredManifest = Omit<Manifest, "targets"> & { readonly targets: readonly LoweredTarget[] };

/**
 * Writes out what a manifest says in short: `repeat` of topologies (all children, then all again, with weights of their
 * own), repeated graph nodes (`id__0`, `id__1`, ... chained), runs with a list of seeds (`id__s1`, `id__s2`, ...).
 */
export function lowerManifest(manifest: Manifest): LoweredManifest {
  return { ...manifest, targets: manifest.targets.map(lowerTarget) };
}

function lowerTarget(target: ExperimentTarget | ProcessTarget): LoweredTarget {
  if (target.type === "process") return target;
  return { ...target, system: lowerSystem(target.system), runs: target.runs.flatMap(lowerRun) };
}

/** A system with every repetition written out. */
export function lowerSystem(system: System): System {
  if (system.impl !== null) return system;
  switch (system.ref) {
    case "system.language_model":
      return { ...system, config: { ...system.config, model: lowerModel(system.config.model) } };
    case "system.generic":
      return { ...system, config: { ...system.config, model: lowerModel(system.config.model) } };
    case "system.graph":
      return { ...system, config: { ...system.config, topology: lowerGraph(system.config.topology) } };
    default:
      return system;
  }
}

/** A model with every repetition written out. */
export function lowerModel(model: Model): Model {
  return { ...model, topology: lowerTopology(model.topology) };
}

function lowerTopology(topology: Topology): Topology {
  const layers = Array.from({ length: topology.repeat }, () => topology.layers.map(lowerNode)).flat();
  return { ...topology, layers, repeat: 1 };
}

function lowerNode(node: LayerNode): LayerNode {
  return "layers" in node ? lowerTopology(node) : { ...node };
}

/** A graph with every repeated node written out as a chain. */
export function lowerGraph(graph: GraphTopology): GraphTopology {
  return { ...graph, layers: graph.layers.flatMap(lowerGraphNode) };
}

function lowerGraphNode(node: GraphNode): readonly GraphNode[] {
  const { id, repeat } = node;
  const [input = ""] = node.in;
  const [output = ""] = node.out;
  if (repeat === 1) return [node];
  return Array.from({ length: repeat }, (_, index) => ({
    ...node,
    id: `${id}__${index}`,
    in: [index === 0 ? input : `${output}__${index - 1}`],
    out: [index === repeat - 1 ? output : `${output}__${index}`],
    repeat: 1,
  }));
}

function lowerRun(run: Run): readonly LoweredRun[] {
  const { seed } = run;
  if (typeof seed === "number") return [{ ...run, seed }];
  return seed.map((one) => ({ ...run, id: `${run.id}__s${one}`, exp: `${run.exp}__s${one}`, seed: one }));
}
