import {
  type Infer,
  type InferInput,
  type Schema,
  anything,
  boolean,
  defaulted,
  listOf,
  lazy,
  mapOf,
  naturalNumber,
  exactly,
  mapped,
  number,
  object,
  oneOf,
  optional,
  positiveInteger,
  probability,
  refined,
  required,
  seedNumber,
  string,
  tagged,
} from "../internal/schema.js";
import { experimentComplaints, manifestComplaints, processComplaints } from "../internal/check-targets.js";
import { describe } from "../internal/located.js";
import { benchmarkSchema } from "./benchmarks.js";
import { dataSchema } from "./data.js";
import { metricSchema } from "./metrics.js";
import { objectiveSchema } from "./objectives.js";
import { systemSchema } from "./systems.js";
import { taskSchema } from "./tasks.js";
import { trainerSchema } from "./trainers.js";
import { processSchema } from "./processes.js";
import { trainSchema } from "./train.js";
import { verifySchema } from "./verify.js";

const text = string({ min: 1 });

const dataDefaults = object("defaults.data", {
  tokenizer: defaulted(text, "tiktoken", "llama, tiktoken, gpt2, byte, or a file."),
  val_frac: defaulted(probability, 0.1, "Share of the data that is held out."),
});
const loggingDefaults = object("defaults.logging", {
  instrument: defaulted(text, "rich", "rich, plain, tensorboard, live; several with commas."),
  wandb: defaulted(boolean(), true, "Whether files for Weights & Biases are written."),
  wandb_project: defaulted(string(), "", "Project there."),
  wandb_entity: defaulted(string(), "", "Team or user there."),
  wandb_mode: defaulted(
    oneOf(["online", "offline", "disabled"], { none: "disabled", off: "disabled" }),
    "online",
    "How.",
  ),
  eval_iters: defaulted(naturalNumber, 50, "Steps between two validations; 0: none."),
});
const runtimeDefaults = object("defaults.runtime", {
  save_every: defaulted(positiveInteger, 100, "Steps between two checkpoints."),
  best_effort: defaulted(boolean(), false, "Whether what is not ready is only warned of."),
});

const defaultsSchema = object("defaults", {
  data: defaulted(dataDefaults, { tokenizer: "tiktoken", val_frac: 0.1 }, "Data."),
  logging: defaulted(
    loggingDefaults,
    {
      instrument: "rich",
      wandb: true,
      wandb_project: "",
      wandb_entity: "",
      wandb_mode: "online",
      eval_iters: 50,
    },
    "Logging.",
  ),
  runtime: defaulted(runtimeDefaults, { save_every: 100, best_effort: false }, "Runtime."),
});

const seeds: Schema<number | readonly number[], number | string | readonly (number | string)[]> = {
  expected: "a whole number at least 0, or a list of them",
  check: (node, context) =>
    node.kind === "list" ? listOf(seedNumber, { min: 1 }).check(node, context) : seedNumber.check(node, context),
  json: (definitions) => ({ anyOf: [seedNumber.json(definitions), listOf(seedNumber, { min: 1 }).json(definitions)] }),
};

/** What a figure is expected to be: a value, or a range. */
export interface ExpectedRange {
  readonly min: number | null;
  readonly max: number | null;
}

const range = refined(
  object("expected range", {
    min: optional(number(), "At least."),
    max: optional(number(), "At most."),
  }),
  ({ min, max }, report) => {
    if (min === null && max === null) report({ code: "missing_key", expected: "min or max", found: "neither" });
    if (min !== null && max !== null && min > max)
      report({ code: "does_not_fit", path: ["min"], expected: `at most max, which is ${max}`, found: `${min}` });
  },
);

type Expectation = string | number | boolean | ExpectedRange;
const expectation: Schema<Expectation, Expectation | { readonly min?: number; readonly max?: number }> = {
  expected: "a value, or { min, max }",
  check(node, context) {
    if (node.kind === "map") return range.check(node, context);
    if (node.kind === "scalar" && node.value !== null) return node.value;
    return context.add(node, { code: "wrong_type", expected: expectation.expected, found: describe(node) });
  },
  json: (definitions) => ({ anyOf: [{ type: ["string", "number", "boolean"] }, range.json(definitions)] }),
};

const runObject = object("run", {
  id: required(text, "Its name, unique in the target."),
  mode: required(oneOf(["train"]), "What is done."),
  exp: optional(text, "Name in the logs; the id when missing."),
  seed: defaulted(seeds, 0, "Seed of everything random; a list makes a run of each."),
  steps: required(positiveInteger, "Steps of training."),
  expected: defaulted(mapOf(expectation), {}, "Figures that the run should end with; `phase` too."),
  verify: optional(verifySchema, "What is checked afterwards."),
  train: required(trainSchema, "How it is trained."),
});
const runSchema = mapped(runObject, (run) => ({ ...run, exp: run.exp ?? run.id }));

const experimentTarget = refined(
  object("experiment target", {
    type: required(exactly("experiment"), ""),
    name: required(text, "Its name, unique in the manifest."),
    description: defaulted(string(), "", "What it is, for people."),
    backend: required(oneOf(["torch", "jax"]), "What runs it."),
    task: required(taskSchema, "What is learned."),
    data: required(dataSchema, "Where samples come from."),
    system: required(systemSchema, "What is trained."),
    objective: required(objectiveSchema, "What is minimised."),
    trainer: required(trainerSchema, "How it is trained."),
    metrics: defaulted(listOf(metricSchema), [], "What is measured beside the loss."),
    runs: required(listOf(runSchema), "Runs, one after the other, on the same system."),
    benchmarks: defaulted(listOf(benchmarkSchema), [], "What is measured after all runs."),
  }),
  (target, report) => experimentComplaints(target).forEach(report),
);

const processTarget = refined(
  object("process target", {
    type: required(exactly("process"), ""),
    name: required(text, "Its name, unique in the manifest."),
    description: defaulted(string(), "", "What it is, for people."),
    team: defaulted(mapOf(text), {}, "Personas by role."),
    process: required(processSchema, "What is done."),
  }),
  (target, report) => processComplaints(target).forEach(report),
);

const targetSchema = tagged("type", "a target", { experiment: experimentTarget, process: processTarget });

/** The whole manifest, after variables are filled in. */
export const manifestSchema = refined(
  object("manifest", {
    version: required(exactly(2), "Version of the format: 2."),
    name: optional(text, "Name of the experiment and of its folders."),
    notes: defaulted(string(), "", "What it is, for people."),
    artifacts_dir: defaulted(text, "artifacts", "Folder of the results."),
    vars: optional(
      lazy("a mapping", () => mapOf(anything("a variable"))),
      "Values by name, for ${name}.",
    ),
    defaults: required(defaultsSchema, "Settings of all targets; may be {}."),
    targets: required(listOf(targetSchema, { min: 1 }), "What can be run."),
    entrypoints: defaulted(
      mapOf(text, "a mapping from names to targets"),
      {},
      "Names for --target; default is taken without.",
    ),
  }),
  (manifest, report) => manifestComplaints(manifest).forEach(report),
);

type Whole = Infer<typeof manifestSchema>;

/** A manifest with variables filled in and every default there: plain data. */
export type Manifest = Omit<Whole, "vars">;
/** A manifest as a program may write it. */
export type ManifestInput = InferInput<typeof manifestSchema>;
export type Defaults = Infer<typeof defaultsSchema>;
export type Target = Infer<typeof targetSchema>;
export type ExperimentTarget = Infer<typeof experimentTarget>;
export type ProcessTarget = Infer<typeof processTarget>;
export type Run = Infer<typeof runSchema>;
