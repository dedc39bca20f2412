import { ManifestError } from "./errors.js";
import { type RunEstimate, estimateRun } from "./estimate-run.js";
import type { GraphShapes } from "./infer-graph-shapes.js";
import type { NodeShapes } from "./infer-shapes.js";
import { systemShapes } from "./internal/system-shapes.js";
import { type LoweredExperimentTarget, type LoweredRun, type LoweredTarget, lowerManifest } from "./lower-manifest.js";
import { manifestDigest } from "./manifest-digest.js";
import { resolveTarget } from "./resolve-target.js";
import type { Benchmark } from "./schema/benchmarks.js";
import type { Manifest, ProcessTarget } from "./schema/manifest.js";
import { formatShape } from "./shape.js";

/** A layer or topology in a plan, with what goes in and out. */
export interface PlannedNode {
  readonly kind: "topology" | "layer";
  readonly type: string;
  readonly path: string;
  readonly repeat: number;
  readonly in: string;
  readonly out: string;
  readonly params: number;
  readonly children: readonly PlannedNode[];
}

/** A node of a graph in a plan. */
export interface PlannedGraphNode {
  readonly id: string;
  readonly op: string;
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly repeat: number;
  readonly shapes: { readonly in: readonly string[]; readonly out: readonly string[] };
  readonly params: number;
}

/** What is trained, in a plan; told apart by `kind`. */
export type PlannedSystem =
  | { readonly kind: "model"; readonly type: string; readonly topology: PlannedNode }
  | { readonly kind: "graph"; readonly path: string; readonly nodes: readonly PlannedGraphNode[] }
  | { readonly kind: "built_in" }
  | { readonly kind: "custom" };

/** A run in a plan. */
export interface PlannedRun extends RunEstimate {
  readonly id: string;
  readonly exp: string;
  readonly seed: number;
  readonly steps: number;
  readonly phase: string;
  readonly device: string;
  readonly dtype: string;
  readonly block_size: number;
  /** Files that it writes, below the target's `run_dir`. */
  readonly artifacts: readonly string[];
}

/** A benchmark in a plan. */
export interface PlannedBenchmark {
  readonly id: string;
  readonly type: string;
  readonly models: readonly string[];
  /** Files that it writes, below the target's `artifacts_dir`. */
  readonly artifacts: readonly string[];
}

/** An experiment in a plan. */
export interface PlannedExperiment {
  readonly type: "experiment";
  readonly index: number;
  readonly name: string;
  readonly backend: string;
  readonly components: {
    readonly task: string;
    readonly data: string;
    readonly system: string;
    readonly objective: string;
    readonly trainer: string;
  };
  readonly system: PlannedSystem;
  readonly runs: readonly PlannedRun[];
  readonly benchmarks: readonly PlannedBenchmark[];
  readonly run_dir: string;
  readonly artifacts_dir: string;
  readonly digest: string;
  /** What the plan was made from: what an engine takes. */
  readonly lowered: LoweredExperimentTarget;
}

/** A process in a plan. */
export interface PlannedProcess {
  readonly type: "process";
  readonly index: number;
  readonly name: string;
  readonly process: { readonly type: string; readonly name: string; readonly leader?: string; readonly topic?: string };
  readonly team: Readonly<Record<string, string>>;
  readonly artifacts_dir: string;
  readonly digest: string;
  readonly lowered: ProcessTarget;
}

/** What running a manifest, or some of its targets, comes to. */
export interface Plan {
  readonly version: 2;
  readonly name: string;
  /** Of all targets of the manifest. */
  readonly digest: string;
  /** Targets of the manifest, planned or not. */
  readonly targets_count: number;
  readonly defaults: Manifest["defaults"];
  readonly targets: readonly (PlannedExperiment | PlannedProcess)[];
}

/**
 * What a manifest comes to: every target, or the one that `target` means (`resolveTarget`; throws a
 * {@link ManifestError} `invalid_argument` where there is none). Nothing is run, and no file is looked at.
 */
export function planManifest(manifest: Manifest, { target }: { readonly target?: string | undefined } = {}): Plan {
  const lowered = lowerManifest(manifest);
  const name = manifest.name ?? "experiment";
  let chosen: readonly (readonly [LoweredTarget, number])[] = lowered.targets.map((one, index) => [one, index]);
  if (target !== undefined) {
    const found = resolveTarget(lowered, target);
    if (found.status === "not_found") throw new ManifestError("invalid_argument", found.message);
    chosen = [[found.target, found.index]];
  }
  return {
    version: 2,
    name,
    digest: manifestDigest(lowered),
    targets_count: manifest.targets.length,
    defaults: manifest.defaults,
    targets: chosen.map(([one, index]) => {
      const digest = manifestDigest({ ...lowered, targets: [one] });
      const folder = `${manifest.artifacts_dir}/${name}`;
      if (one.type === "experiment") return plannedExperiment(one, index, name, `${folder}/${one.name}/<utc>`, digest);
      return plannedProcess(one, index, folder, digest);
    }),
  };
}

function plannedExperiment(
  target: LoweredExperimentTarget,
  index: number,
  manifestName: string,
  artifacts_dir: string,
  digest: string,
): PlannedExperiment {
  const { name, backend, task, data, system, objective, trainer } = target;
  const folder = trainer.impl === null && "checkpoint_dir" in trainer.config ? trainer.config.checkpoint_dir : null;
  const called = (part: { readonly ref: string; readonly impl: string | null }): string => part.impl ?? part.ref;
  return {
    type: "experiment",
    index,
    name,
    backend,
    components: {
      task,
      data: called(data),
      system: called(system),
      objective: called(objective),
      trainer: called(trainer),
    },
    system: plannedSystem(target, index),
    runs: target.runs.map((run) => plannedRun(target, run)),
    benchmarks: target.benchmarks.map(plannedBenchmark),
    run_dir: folder ?? `runs/${manifestName}/${name}`,
    artifacts_dir,
    digest,
    lowered: target,
  };
}

function plannedSystem({ system, data }: LoweredExperimentTarget, index: number): PlannedSystem {
  const shapes = systemShapes(system, data, { batch: "B", block: "T" });
  if (shapes === null) return { kind: "custom" };
  const at = `targets[${index}].system`;
  if (shapes.graph !== null && system.impl === null && system.ref === "system.graph")
    return { kind: "graph", path: `${at}.topology`, nodes: plannedGraph(shapes.graph, system.config.topology.layers) };
  const body = shapes.model?.nodes.find(({ type }) => type.endsWith("Topology"));
  if (body === undefined || system.impl !== null || !("model" in system.config)) return { kind: "built_in" };
  return { kind: "model", type: system.config.model.type, topology: plannedNode(body, `${at}.model`) };
}

/** `path` is the node's own; a topology's children are under its `.topology`. */
function plannedNode(node: NodeShapes, path: string): PlannedNode {
  const isTopology = node.type.endsWith("Topology");
  const own = isTopology ? `${path}.topology` : path;
  return {
    kind: isTopology ? "topology" : "layer",
    type: node.type,
    path: own,
    repeat: node.repeat,
    in: formatShape(node.in),
    out: formatShape(node.out),
    params: node.params,
    children: node.children.map((child, index) => plannedNode(child, `${own}.layers[${index}]`)),
  };
}

function plannedGraph(
  { nodes }: GraphShapes,
  layers: readonly { readonly in: readonly string[]; readonly out: readonly string[] }[],
): readonly PlannedGraphNode[] {
  return nodes.map(({ id, op, index, repeat, params, in: inputs, out: outputs }) => ({
    id,
    op,
    in: layers[index]?.in ?? [],
    out: layers[index]?.out ?? [],
    repeat,
    shapes: { in: inputs.map(formatShape), out: outputs.map(formatShape) },
    params,
  }));
}

function plannedRun(target: LoweredExperimentTarget, run: LoweredRun): PlannedRun {
  const { id, exp, seed, steps, train, verify } = run;
  const { phase, device, dtype, block_size } = train;
  const artifacts = [
    "train.jsonl",
    "model.safetensors",
    `${id}_${phase}_final.safetensors`,
    ...(verify === null ? [] : [`verify_${id}.json`]),
  ];
  return { id, exp, seed, steps, phase, device, dtype, block_size, artifacts, ...estimateRun(target, run) };
}

/** Files of each benchmark, beside `report.json` and `tables.tex`. */
const benchmarkArtifacts: Readonly<Record<string, readonly string[]>> = {
  perplexity: ["perplexity.csv", "perplexity.png"],
  latency: ["latency.csv", "latency_vs_context.png"],
  memory: ["memory.csv", "memory_scaling.png"],
};

function plannedBenchmark({ id, config, models }: Benchmark): PlannedBenchmark {
  const own = benchmarkArtifacts[config.type] ?? [`${config.type}.csv`];
  return { id, type: config.type, models, artifacts: [...own, "report.json", "tables.tex"] };
}

function plannedProcess(target: ProcessTarget, index: number, folder: string, digest: string): PlannedProcess {
  const { name, process, team } = target;
  return {
    type: "process",
    index,
    name,
    process: {
      type: process.type,
      name: process.name ?? process.type,
      ...("leader" in process ? { leader: process.leader } : {}),
      ...("topic" in process ? { topic: process.topic } : {}),
    },
    team,
    artifacts_dir: `${folder}/agents`,
    digest,
    lowered: target,
  };
}
