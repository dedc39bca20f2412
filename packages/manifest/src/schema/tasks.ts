import { type Schema, object, oneOf, required } from "../internal/schema.js";

/** What is learned. */
export const tasks = [
  "task.language_modeling",
  "task.classification",
  "task.node_classification",
  "task.denoising",
] as const;

const taskAliases: Readonly<Record<string, (typeof tasks)[number]>> = {
  "task.supervised_classification": "task.classification",
  "task.graph_node_classification": "task.node_classification",
  "task.diffusion_denoising": "task.denoising",
};

const taskName = oneOf(tasks, taskAliases);

/** A task's name, alone or as `{ ref }`. */
export const taskSchema: Schema<(typeof tasks)[number], TaskInput> = {
  expected: taskName.expected,
  check(node, context) {
    if (node.kind !== "map") return taskName.check(node, context);
    const found = object("task", { ref: required(taskName, "") }).check(node, context);
    return typeof found === "symbol" ? found : found.ref;
  },
  json: (definitions) => ({
    anyOf: [taskName.json(definitions), object("task", { ref: required(taskName, "The task.") }).json(definitions)],
  }),
};

export type Task = (typeof tasks)[number];
export type TaskInput = Task | { readonly ref: Task };
