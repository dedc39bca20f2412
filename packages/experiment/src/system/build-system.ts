import type { Objective, System } from "@vrx/manifest";
import { type Continuation, ForwardPass, RANDOM_KEY, type StateSpec } from "../layers/forward-pass.js";
import type { ParameterSpec } from "../layers/initial.js";
import { ExperimentError } from "../errors.js";
import { Graph, type Value } from "../tensor/graph.js";
import { show } from "../tensor/shape.js";
import type { DType, Program, Shape } from "../tensor/program.js";
import { type CustomObjective, applyObjective } from "./apply-objective.js";
import { type CustomCode, applySystem, noCustomCode } from "./apply-system.js";

/** Prefix of a batch's tensors among the inputs of a program. */
export const BATCH = "batch:";
/** Prefixes of what comes out. */
export const OUTPUT = "output:";
export const METRIC = "metric:";
export const UPDATE = "update:";
export const ATTENTION = "attention:";
export const LOSS = "loss";

/** What a batch is made of, by key. */
export type BatchSpec = Readonly<Record<string, { readonly shape: Shape; readonly dtype: DType }>>;

/** A system with its objective, before any size of batch is known. */
export interface SystemSpec {
  readonly system: System;
  readonly objective: Objective;
  readonly code?: CustomCode & { readonly objectives: ReadonlyMap<string, CustomObjective> };
}

/** A program and the parameters it reads. */
export interface BuiltProgram {
  readonly program: Program;
  readonly parameters: readonly ParameterSpec[];
}

function batchValues(graph: Graph, batch: BatchSpec): Map<string, Value> {
  return new Map(Object.entries(batch).map(([key, { shape, dtype }]) => [key, graph.input(BATCH + key, shape, dtype)]));
}

/** The outputs of a system for a batch, as `output:KEY`, and those of its attention layers, as `attention:PATH`. */
export function buildForward(spec: Pick<SystemSpec, "system" | "code">, batch: BatchSpec): BuiltProgram {
  const graph = new Graph();
  const pass = new ForwardPass(graph, { training: false });
  const outputs = applySystem(pass, spec.system, batchValues(graph, batch), spec.code ?? noCustomCode);
  for (const [key, value] of outputs) graph.output(OUTPUT + key, value);
  for (const [path, value] of pass.attentions) graph.output(ATTENTION + path, value);
  return { program: graph.program(), parameters: [...pass.parameters.values()] };
}

/**
 * The objective of a batch: `loss`, to which auxiliary losses belong while training; `metric:NAME` for the objective's
 * metrics, and for the parts of the loss where it has several; `update:NAME` for buffers.
 */
export function buildLoss(
  spec: SystemSpec,
  batch: BatchSpec,
  { training }: { readonly training: boolean },
): BuiltProgram {
  const graph = new Graph();
  const pass = new ForwardPass(graph, { training });
  const inputs = batchValues(graph, batch);
  const outputs = applySystem(pass, spec.system, inputs, spec.code ?? noCustomCode);
  const { loss, metrics } = applyObjective(pass, spec.objective, outputs, inputs, spec.code?.objectives);
  let total = loss;
  if (pass.auxiliary.length > 0) {
    graph.output(`${METRIC}task_loss`, loss);
    for (const { name, value, weight } of pass.auxiliary) {
      graph.output(METRIC + name, value);
      if (training) total = graph.add(total, graph.mul(value, weight));
    }
  }
  graph.output(LOSS, total);
  for (const [name, value] of metrics) graph.output(METRIC + name, value);
  for (const [name, value] of pass.updates) graph.output(UPDATE + name, value);
  return { program: graph.program(), parameters: [...pass.parameters.values()] };
}

/** Inputs of a program that continues a text. */
export const POSITION = "position";
export const LENGTH = "length";

/**
 * One chunk of a text that is being continued: `tokens` ids from `position` on, of which `length` count. Gives the
 * logits after the last of them as `output:logits` (batch, vocabulary), and what to carry over as `state:NAME`.
 */
export function buildContinuation(
  spec: Pick<SystemSpec, "system" | "code">,
  { batch, tokens, capacity }: { readonly batch: number; readonly tokens: number; readonly capacity: number },
): BuiltProgram & { readonly states: readonly StateSpec[] } {
  const graph = new Graph();
  const continuation: Continuation = {
    position: graph.input(POSITION, [], "int32"),
    length: graph.input(LENGTH, [], "int32"),
    capacity,
  };
  const pass = new ForwardPass(graph, { training: false, continuation });
  const inputs = batchValues(graph, { input_ids: { shape: [batch, tokens], dtype: "int32" } });
  const logits = applySystem(pass, spec.system, inputs, spec.code ?? noCustomCode).get("logits");
  if (logits !== undefined) {
    if (logits.shape.length !== 3 || logits.shape[0] !== batch || logits.shape[1] !== tokens) {
      throw new ExperimentError(
        "unsupported",
        `a text can only be continued by a model with logits for each of its tokens, [${batch}, ${tokens}, vocabulary]; ` +
          `these are ${show(logits.shape)}`,
      );
    }
    const last = graph.reshape(graph.sub(continuation.length, graph.full([], 1, "int32")), [1]);
    const rows = tokens === 1 ? logits : graph.take(logits, last, 1);
    graph.output(`${OUTPUT}logits`, graph.reshape(rows, [batch, logits.shape.at(-1) ?? 1]));
  }
  return { program: graph.program(), parameters: [...pass.parameters.values()], states: [...pass.states.values()] };
}

export { RANDOM_KEY };
