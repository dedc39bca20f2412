import type { Train } from "@vrx/manifest";
import type { Computation } from "../engine/engine.js";
import { PARAMETER } from "../layers/forward-pass.js";
import type { ParameterSpec } from "../layers/initial.js";
import { type BatchSpec, LOSS, METRIC, type SystemSpec, UPDATE, buildLoss } from "../system/build-system.js";
import { Graph, type Value } from "../tensor/graph.js";
import type { Program } from "../tensor/program.js";
import { type Optimizer, optimizerNamed } from "./optimizer.js";

/** Prefixes among the inputs and outputs of a training step. */
export const SLOT = "slot:";
export const SUM = "sum:";
export const SCALAR = "scalar:";
/** All figures of a step in one vector, in the order of `figures`. */
export const REPORT = "report";

/** What training is compiled to, for one size of batch. */
export interface TrainingPrograms {
  readonly parameters: readonly ParameterSpec[];
  /** Names of the tensors that the optimiser keeps: `SLOT:PARAMETER`. */
  readonly slots: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly optimizer: Optimizer;
  /** What is in the report, in order. The first is the loss; the last the norm of the gradient, with `apply`. */
  readonly figures: readonly string[];
  /** A whole step, where a step is one batch; otherwise one batch, whose gradients are added to sums. */
  readonly step: Computation;
  /** Makes a step of the sums; only where a step is several batches. */
  readonly apply: Computation | undefined;
}

/**
 * The programs of training. A step of one batch is a single computation: forward, backward, clipping and the optimiser.
 */
export function trainingPrograms(
  spec: SystemSpec,
  batch: BatchSpec,
  train: Pick<Train, "optimizer" | "weight_decay" | "grad_clip_norm" | "gradient_accumulation_steps">,
  isTrainable: (parameter: ParameterSpec) => boolean = ({ trainable }) => trainable,
): TrainingPrograms {
  const { program, parameters } = buildLoss(spec, batch, { training: true });
  const trained = parameters.filter(isTrainable);
  const optimizer = optimizerNamed(train.optimizer, train.weight_decay);
  const slots = trained.flatMap(({ name, shape }) =>
    optimizer.slots.map((slot) => ({ name: `${slot}:${name}`, shape })),
  );
  const metrics = Object.keys(program.outputs).filter((name) => name.startsWith(METRIC));
  const updates = Object.keys(program.outputs).filter((name) => name.startsWith(UPDATE));
  const figures = ["loss", ...metrics.map((name) => name.slice(METRIC.length))];
  const several = train.gradient_accumulation_steps > 1;
  const common = {
    kind: "differentiate" as const,
    program,
    loss: LOSS,
    with_respect_to: trained.map(({ name }) => PARAMETER + name),
  };

  const graph = new Graph();
  const values = [LOSS, ...metrics].map((name) => graph.input(`value:${name}`, []));
  for (const name of updates) {
    const buffer = parameters.find((parameter) => UPDATE + parameter.name === name);
    if (buffer !== undefined) graph.output(PARAMETER + buffer.name, graph.input(`value:${name}`, buffer.shape));
  }
  const gradient = ({ name, shape }: ParameterSpec): Value => graph.input(`gradient:${PARAMETER}${name}`, shape);
  if (several) {
    for (const parameter of trained) {
      const share = graph.mul(gradient(parameter), 1 / train.gradient_accumulation_steps);
      graph.output(SUM + parameter.name, graph.add(graph.input(SUM + parameter.name, parameter.shape), share));
    }
    graph.output(REPORT, graph.stack(values, 0));
    const apply = applyProgram(trained, optimizer, train.grad_clip_norm);
    return {
      parameters,
      slots,
      optimizer,
      figures,
      step: { ...common, then: graph.program() },
      apply: { kind: "evaluate", program: apply },
    };
  }
  const norm = optimize(graph, trained, gradient, optimizer, train.grad_clip_norm);
  graph.output(REPORT, graph.stack([...values, norm], 0));
  return {
    parameters,
    slots,
    optimizer,
    figures: [...figures, "grad_norm"],
    step: { ...common, then: graph.program() },
    apply: undefined,
  };
}

function applyProgram(trained: readonly ParameterSpec[], optimizer: Optimizer, clip: number): Program {
  const graph = new Graph();
  const norm = optimize(graph, trained, ({ name, shape }) => graph.input(SUM + name, shape), optimizer, clip);
  graph.output(REPORT, graph.stack([norm], 0));
  return graph.program();
}

/** Adds the step of every parameter to a graph, as outputs; gives the norm of the whole gradient before clipping. */
function optimize(
  graph: Graph,
  trained: readonly ParameterSpec[],
  gradientOf: (parameter: ParameterSpec) => Value,
  optimizer: Optimizer,
  clip: number,
): Value {
  const gradients = trained.map(gradientOf);
  const squares = gradients.map((gradient) => graph.sum(graph.unary("square", gradient)));
  const total = squares.length === 0 ? graph.full([], 0) : graph.sum(graph.stack(squares, 0));
  const norm = graph.unary("sqrt", total);
  const factor = clip > 0 ? graph.binary("min", graph.div(clip, graph.add(norm, 1e-6)), 1) : undefined;
  const lr = graph.input(`${SCALAR}lr`, []);
  const scalars = Object.fromEntries(
    Object.keys(optimizer.scalars(1)).map((name) => [name, graph.input(SCALAR + name, [])]),
  );
  for (const [i, { name, shape }] of trained.entries()) {
    const gradient = gradients[i];
    if (gradient === undefined) continue;
    const next = optimizer.apply(graph, {
      parameter: graph.input(PARAMETER + name, shape),
      gradient: factor === undefined ? gradient : graph.mul(gradient, factor),
      slots: Object.fromEntries(optimizer.slots.map((slot) => [slot, graph.input(`${SLOT}${slot}:${name}`, shape)])),
      lr,
      scalars,
    });
    graph.output(PARAMETER + name, next.parameter);
    for (const [slot, value] of Object.entries(next.slots)) graph.output(`${SLOT}${slot}:${name}`, value);
  }
  return norm;
}
