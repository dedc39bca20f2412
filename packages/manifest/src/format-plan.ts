import type {
  Plan,
  PlannedBenchmark,
  PlannedExperiment,
  PlannedNode,
  PlannedProcess,
  PlannedRun,
} from "./plan-manifest.js";

/** How a plan is written. */
export interface FormatPlanOptions {
  /** Adds what goes in and out of each node, and its parameters. */
  readonly shapes?: boolean;
}

/** A plan as text, a fact a line, the same for the same plan. */
export function formatPlan(plan: Plan, { shapes = false }: FormatPlanOptions = {}): string {
  const lines = [`manifest.version=${plan.version}`, `targets.count=${plan.targets_count}`];
  for (const target of plan.targets)
    for (const line of target.type === "experiment" ? experimentLines(target, shapes) : processLines(target))
      lines.push(line);
  return lines.join("\n");
}

function experimentLines(target: PlannedExperiment, shapes: boolean): readonly string[] {
  const { name, index, components, runs, benchmarks, system, backend } = target;
  const { task, data, objective, trainer } = components;
  return [
    `target.name=${word(name)} type=experiment path=targets[${index}]`,
    `components: task=${task} data=${word(data)} system=${word(components.system)} objective=${word(objective)} trainer=${word(trainer)}`,
    `runs.count=${runs.length} benchmarks.count=${benchmarks.length}`,
    ...systemLines(system, shapes),
    `backend=${backend} run_dir=${word(target.run_dir)} artifacts_dir=${word(target.artifacts_dir)}`,
    ...runs.map(runLine),
    ...benchmarks.map(benchmarkLine),
    `digest=${target.digest}`,
  ];
}

function systemLines(system: PlannedExperiment["system"], shapes: boolean): readonly string[] {
  switch (system.kind) {
    case "model":
      return [`model.type=${system.type}`, "model.topology:", ...nodeLines(system.topology, 2, shapes)];
    case "graph":
      return [
        "graph.topology:",
        `  - topology=GraphTopology repeat=1 path=${system.path}`,
        ...system.nodes.map((node, index) => {
          const ports = `in=${word(node.in.join(","))} out=${word(node.out.join(","))} repeat=${node.repeat}`;
          const more = shapes
            ? ` shapes=${node.shapes.in.join(",")}->${node.shapes.out.join(",")} params=${node.params}`
            : "";
          return `    - node[${index}].id=${word(node.id)} op=${word(node.op)} ${ports}${more}`;
        }),
      ];
    case "built_in":
    case "custom":
      return ["model=<missing>"];
  }
}

function nodeLines(node: PlannedNode, indent: number, shapes: boolean): readonly string[] {
  const what = node.kind === "topology" ? `topology=${node.type} repeat=${node.repeat}` : `layer=${node.type}`;
  const more = shapes ? ` in=${node.in} out=${node.out} params=${node.params}` : "";
  const own = `${" ".repeat(indent)}- ${what} path=${node.path}${more}`;
  return [own, ...node.children.flatMap((child) => nodeLines(child, indent + 2, shapes))];
}

/** Names come from outside: what could be mistaken for another line or key is written as JSON. */
const word = (text: string): string => (/^[!-~]+( [!-~]+)*$/.test(text) ? text : JSON.stringify(text));

const figure = (value: number | null): string => (value === null ? "unknown" : String(value));

function runLine(run: PlannedRun): string {
  const facts: readonly (readonly [string, string | number])[] = [
    ["run.id", run.id],
    ["exp", run.exp],
    ["seed", run.seed],
    ["steps", run.steps],
    ["phase", run.phase],
    ["device", run.device],
    ["dtype", run.dtype],
    ["batch_size", run.batch_size],
    ["tokens_per_step", run.tokens_per_step ?? "none"],
    ["params", figure(run.params)],
    ["trainable_params", figure(run.trainable_params)],
    ["flops_per_step", figure(run.flops_per_step)],
    ["bytes_per_step", figure(run.bytes_per_step)],
    ["peak_memory_bytes", figure(run.peak_memory_bytes)],
    ["artifacts", run.artifacts.join(",")],
  ];
  return facts.map(([key, value]) => `${key}=${typeof value === "string" ? word(value) : value}`).join(" ");
}

function benchmarkLine({ id, type, models, artifacts }: PlannedBenchmark): string {
  return `benchmark.id=${word(id)} type=${type} models=${models.join(",")} artifacts=${artifacts.join(",")}`;
}

function processLines({ name, index, process, team, artifacts_dir, digest }: PlannedProcess): readonly string[] {
  return [
    `target.name=${word(name)} type=process path=targets[${index}]`,
    `process.type=${process.type} name=${word(process.name)}`,
    ...(process.leader === undefined ? [] : [`process.leader=${word(process.leader)}`]),
    ...(process.topic === undefined ? [] : [`process.topic=${word(process.topic)}`]),
    "team:",
    ...Object.entries(team)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([role, persona]) => `  - ${word(role)}: ${word(persona)}`),
    `artifacts_dir=${word(artifacts_dir)}`,
    `digest=${digest}`,
  ];
}
