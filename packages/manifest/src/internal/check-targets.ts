import type { ExperimentTarget, Manifest, ProcessTarget } from "../schema/manifest.js";
import type { Process } from "../schema/processes.js";
import { countLayers } from "../infer-shapes.js";
import { quoted } from "./located.js";
import { nearest } from "./nearest.js";
import type { Complaint } from "./schema.js";

type Path = readonly PropertyKey[];

/** Collects complaints that something does not fit what is elsewhere. */
function collector(): {
  readonly complaints: Complaint[];
  readonly unfit: (path: Path, expected: string, found: string, suggestion?: string) => void;
  readonly twice: (path: Path, what: string, found: string) => void;
} {
  const complaints: Complaint[] = [];
  return {
    complaints,
    unfit: (path, expected, found, suggestion) =>
      void complaints.push({ code: "does_not_fit", path, expected, found, suggestion }),
    twice: (path, what, found) =>
      void complaints.push({
        code: "duplicate_name",
        path,
        expected: `a name that no other ${what} has`,
        found: quoted(found),
      }),
  };
}

/** What each task can be learned with. */
const taskFits = {
  "task.language_modeling": {
    data: ["dataset.tokens", "dataset.random_tokens", "dataset.tensors"],
    system: ["system.language_model", "system.generic", "system.graph"],
    objective: ["objective.next_token_ce"],
  },
  "task.classification": {
    data: ["dataset.npy_supervised", "dataset.tensors", "dataset.tokens", "dataset.random_tokens"],
    system: ["system.mlp_classifier", "system.generic", "system.graph", "system.language_model"],
    objective: ["objective.classification_ce", "objective.next_token_ce"],
  },
  "task.node_classification": {
    data: ["dataset.graph_npy", "dataset.tensors"],
    system: ["system.gcn", "system.graph", "system.generic"],
    objective: ["objective.classification_ce"],
  },
  "task.denoising": {
    data: ["dataset.diffusion_vector", "dataset.tensors"],
    system: ["system.diffusion_denoiser", "system.generic", "system.graph"],
    objective: ["objective.mse"],
  },
} as const;

/** What does not fit together in an experiment target whose parts are right. */
export function experimentComplaints(target: ExperimentTarget): readonly Complaint[] {
  const { complaints, unfit, twice } = collector();
  const { task, data, system, objective, trainer, runs, benchmarks } = target;
  const fits = taskFits[task];
  for (const [key, part] of [
    ["data", data],
    ["system", system],
    ["objective", objective],
  ] as const) {
    const allowed: readonly string[] = fits[key];
    if (part.impl === null && !allowed.includes(part.ref))
      unfit([key], `one of ${allowed.join(", ")}, which fit ${task}`, quoted(part.ref));
  }
  for (const { path, expected, found } of misfits(data, system)) unfit(path, expected, found);
  const ids = new Set<string>();
  for (const [index, run] of runs.entries()) {
    const expanded = typeof run.seed === "number" ? [run.id] : run.seed.map((seed) => `${run.id}__s${seed}`);
    for (const id of expanded) {
      if (ids.has(id)) twice(["runs", index, typeof run.seed === "number" ? "id" : "seed"], "run", id);
      ids.add(id);
    }
    const { train, verify } = run;
    const at: Path = ["runs", index, "train"];
    if (trainer.impl === null) {
      const phases = trainer.ref === "trainer.upcycle" ? ["blockwise", "global"] : ["standard"];
      if (trainer.ref !== "trainer.upcycle_eval" && !phases.includes(train.phase))
        unfit(
          [...at, "phase"],
          `${phases.map(quoted).join(" or ")}, since the trainer is ${trainer.ref}`,
          quoted(train.phase),
        );
      if (trainer.ref === "trainer.upcycle" && train.teacher_ckpt === null && index === 0)
        complaints.push({
          code: "missing_key",
          path: [...at, "teacher_ckpt"],
          expected: "the teacher's checkpoint",
          found: "nothing",
          sentence: 'the first run of trainer.upcycle needs the key "teacher_ckpt"',
        });
      if (trainer.ref === "trainer.upcycle" && system.impl === null && system.ref !== "system.language_model")
        unfit(["system"], "system.language_model, since the trainer is trainer.upcycle", quoted(system.ref));
      if (trainer.ref !== "trainer.upcycle" && verify?.type === "compare" && train.teacher_ckpt === null)
        unfit(
          ["runs", index, "verify"],
          "a teacher to compare with: train.teacher_ckpt, or another type of verification",
          '"compare" without one',
        );
    }
    if (data.impl === null && (data.ref === "dataset.tokens" || data.ref === "dataset.random_tokens"))
      if (data.config.block_size < train.block_size)
        unfit(
          [...at, "block_size"],
          `at most the data's block_size, which is ${data.config.block_size}`,
          String(train.block_size),
        );
    if (train.warmup_steps > run.steps)
      unfit([...at, "warmup_steps"], `at most steps, which is ${run.steps}`, String(train.warmup_steps));
    if (train.orchestrator_enabled && train.phase !== "global")
      unfit([...at, "orchestrator_enabled"], 'false where phase is not "global"', "true");
  }
  const benchIds = new Set<string>();
  for (const [index, { id }] of benchmarks.entries()) {
    if (benchIds.has(id)) twice(["benchmarks", index, "id"], "benchmark", id);
    benchIds.add(id);
  }
  return complaints;
}

interface Misfit {
  readonly path: Path;
  readonly expected: string;
  readonly found: string;
}

/** Ids, widths and classes that the data has and the system has no place for, as far as the manifest says them. */
function misfits(data: ExperimentTarget["data"], system: ExperimentTarget["system"]): readonly Misfit[] {
  if (data.impl !== null || system.impl !== null) return [];
  const found: Misfit[] = [];
  const prepare = "prepare" in data.config ? data.config.prepare : null;
  const inPrepare = ["data", "config", "prepare"];
  const atMost = (path: Path, value: number, limit: number, whose: string): void => {
    if (value > limit) found.push({ path, expected: `at most ${limit}, ${whose}`, found: String(value) });
  };
  const exactly = (path: Path, value: number, wanted: number, whose: string): void => {
    if (value !== wanted) found.push({ path, expected: `${wanted}, ${whose}`, found: String(value) });
  };
  const embedder = "model" in system.config ? system.config.model.embedder : null;
  if (embedder?.type === "token") {
    const whose = "the vocab_size of the embedder";
    if (data.ref === "dataset.random_tokens")
      atMost(["data", "config", "vocab_size"], data.config.vocab_size, embedder.vocab_size, whose);
    if (prepare?.type === "generate" && "vocab_size" in prepare)
      atMost([...inPrepare, "vocab_size"], prepare.vocab_size, embedder.vocab_size, whose);
  }
  if (prepare?.type !== "generate") return found;
  if (system.ref === "system.mlp_classifier" && "shape" in prepare) {
    const { d_in, n_classes } = system.config;
    exactly(
      [...inPrepare, "shape"],
      prepare.shape.reduce((a, b) => a * b, 1),
      d_in,
      "the d_in of the system",
    );
    atMost([...inPrepare, "classes"], prepare.classes, n_classes, "the n_classes of the system");
  }
  if (system.ref === "system.gcn" && "features" in prepare) {
    exactly([...inPrepare, "features"], prepare.features, system.config.d_in, "the d_in of the system");
    atMost([...inPrepare, "classes"], prepare.classes, system.config.n_classes, "the n_classes of the system");
  }
  if (system.ref === "system.diffusion_denoiser" && "d" in prepare)
    exactly([...inPrepare, "d"], prepare.d, system.config.d_in, "the d_in of the system");
  return found;
}

/** The roles of its team that a process names, by the path of the field. */
function rolesOf(process: Process): readonly (readonly [Path, string])[] {
  switch (process.type) {
    case "paper_write":
      return [[["writer"], process.writer]];
    case "paper_review":
      return [[["reviewer"], process.reviewer]];
    case "research_loop":
      return [
        [["leader"], process.leader],
        [["writer"], process.writer],
        [["reviewer"], process.reviewer],
      ];
    case "discussion":
      return [[["leader"], process.leader]];
    case "code_graph_sync":
      return [[["agent"], process.agent]];
    case "idle":
      return [
        ...(process.run_code_graph_sync ? ([[["code_graph_sync_agent"], process.code_graph_sync_agent]] as const) : []),
        ...(process.run_research_loop
          ? ([
              [["leader"], process.leader],
              [["writer"], process.writer],
              [["reviewer"], process.reviewer],
            ] as const)
          : []),
      ];
    case "platform_improve":
      return [
        ...(process.ingest_repo || process.ingest_models ? ([[["ingest_agent"], process.ingest_agent]] as const) : []),
        [["leader"], process.leader],
        ...process.ideators.map((role, index) => [["ideators", index], role] as const),
        [["developer"], process.developer],
        [["verifier"], process.verifier],
      ];
    case "multiplex_chat":
      return Object.entries(process.routes).map(([tag, role]) => [["routes", tag], role] as const);
    case "paper_collect_artifacts":
    case "development":
    case "manifest":
      return [];
  }
}

/** Roles of a process that its team does not have. */
export function processComplaints({ team, process }: ProcessTarget): readonly Complaint[] {
  const roles = Object.keys(team);
  const complaints = rolesOf(process).flatMap(([path, role]): Complaint[] =>
    Object.hasOwn(team, role)
      ? []
      : [
          {
            code: "unknown_role",
            path: ["process", ...path],
            expected:
              roles.length === 0
                ? "a role of the team, which is empty"
                : `a role of the team (${roles.slice(0, 12).join(", ")})`,
            found: quoted(role),
            suggestion: nearest(role, roles.slice(0, 200)),
          },
        ],
  );
  if (process.type === "multiplex_chat" && !Object.hasOwn(process.routes, process.initial_route))
    complaints.push({
      code: "does_not_fit",
      path: ["process", "initial_route"],
      expected: `one of the routes (${Object.keys(process.routes).slice(0, 12).join(", ")})`,
      found: quoted(process.initial_route),
      suggestion: nearest(process.initial_route, Object.keys(process.routes).slice(0, 200)),
    });
  return complaints;
}

/** The name of a target in an entrypoint: `paper`, `target:paper`, `experiment:paper`, `process:paper`. */
export function targetName(text: string): string {
  const colon = text.indexOf(":");
  const kind = colon < 0 ? "" : text.slice(0, colon).trim().toLowerCase();
  return (["target", "experiment", "process"].includes(kind) ? text.slice(colon + 1) : text).trim();
}

/** Layers that a plan may look at: it follows each target's model once for each run. */
const maxPlanWork = 1_000_000;

function planWork(target: ExperimentTarget | ProcessTarget): number {
  if (target.type === "process") return 1;
  const { system, runs } = target;
  let layers = 1;
  if (system.impl === null && "model" in system.config) layers = countLayers(system.config.model.topology);
  if (system.impl === null && system.ref === "system.graph")
    for (const { repeat } of system.config.topology.layers) layers += repeat;
  const count = runs.reduce((sum, { seed }) => sum + (typeof seed === "number" ? 1 : seed.length), 1);
  return layers * count;
}

/** Names used twice, entrypoints and processes that lead to no target. */
export function manifestComplaints({
  targets,
  entrypoints,
}: Pick<Manifest, "targets" | "entrypoints">): readonly Complaint[] {
  const { complaints, twice } = collector();
  const names = new Set<string>();
  for (const [index, { name }] of targets.entries()) {
    if (names.has(name)) twice(["targets", index, "name"], "target", name);
    names.add(name);
  }
  const work = targets.reduce((sum, target) => sum + planWork(target), 0);
  if (work > maxPlanWork)
    complaints.push({
      code: "too_many_layers",
      path: ["targets"],
      expected: `at most ${maxPlanWork} layers, those of each target counted for each of its runs`,
      found: work > Number.MAX_SAFE_INTEGER ? "far more" : String(work),
    });
  const unknown = (path: Path, name: string, among: readonly string[]): void => {
    complaints.push({
      code: "unknown_target",
      path,
      expected: `the name of a target (${among.slice(0, 12).join(", ")})`,
      found: quoted(name),
      suggestion: nearest(name, among.slice(0, 200)),
    });
  };
  const all = [...names];
  for (const [entry, value] of Object.entries(entrypoints))
    if (!names.has(targetName(value))) unknown(["entrypoints", entry], value, all);
  const experiments = targets.filter(({ type }) => type === "experiment").map(({ name }) => name);
  for (const [index, target] of targets.entries()) {
    if (target.type !== "process") continue;
    const { process } = target;
    if (process.type !== "paper_write" && process.type !== "paper_collect_artifacts") continue;
    for (const [at, name] of (process.targets ?? []).entries())
      if (!experiments.includes(name)) unknown(["targets", index, "process", "targets", at], name, experiments);
  }
  return complaints;
}
