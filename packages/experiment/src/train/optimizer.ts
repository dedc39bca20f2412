import type { Train } from "@vrx/manifest";
import type { Graph, Value } from "../tensor/graph.js";

/** How gradients become steps. */
export type OptimizerName = Train["optimizer"];

/** The rule of an optimiser: what it keeps per parameter, and how a step is made. */
export interface Optimizer {
  /** Names of the tensors it keeps, each of the parameter's shape and zero at first. */
  readonly slots: readonly string[];
  /** Numbers that a step depends on besides the learning rate; `step` counts from 1. */
  scalars(step: number): Readonly<Record<string, number>>;
  /** One step of one parameter. */
  apply(
    graph: Graph,
    given: {
      readonly parameter: Value;
      readonly gradient: Value;
      readonly slots: Readonly<Record<string, Value>>;
      readonly lr: Value;
      readonly scalars: Readonly<Record<string, Value>>;
    },
  ): { readonly parameter: Value; readonly slots: Readonly<Record<string, Value>> };
}

/**
 * The optimiser of a name. `adam` is AdamW, as it has always been in this manifest format; betas 0.9 and 0.999, epsilon
 * 1e-8 (Loshchilov, Hutter, 2019). `sgd` adds the decay to the gradient, as PyTorch does. `lion` updates its memory with
 * its second beta only (Chen et al.: Symbolic discovery of optimization algorithms, 2023); betas 0.9 and 0.99.
 */
export function optimizerNamed(name: OptimizerName, weightDecay: number): Optimizer {
  switch (name) {
    case "adam":
    case "adamw":
      return adamw(weightDecay);
    case "sgd":
      return sgd(weightDecay);
    case "lion":
      return lion(weightDecay);
  }
}

function blend(graph: Graph, beta: number, old: Value | undefined, fresh: Value): Value {
  const part = graph.mul(fresh, 1 - beta);
  return old === undefined ? part : graph.add(graph.mul(old, beta), part);
}

function decayed(graph: Graph, parameter: Value, lr: Value, decay: number): Value {
  return decay === 0 ? parameter : graph.mul(parameter, graph.sub(1, graph.mul(lr, decay)));
}

function adamw(decay: number): Optimizer {
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
  return {
    slots: ["exp_avg", "exp_avg_sq"],
    scalars: (step) => ({ correction1: 1 / (1 - beta1 ** step), correction2: 1 / Math.sqrt(1 - beta2 ** step) }),
    apply(graph, { parameter, gradient, slots, lr, scalars }) {
      const mean = blend(graph, beta1, slots["exp_avg"], gradient);
      const square = blend(graph, beta2, slots["exp_avg_sq"], graph.unary("square", gradient));
      const scale = graph.add(graph.mul(graph.unary("sqrt", square), scalars["correction2"] ?? 1), epsilon);
      const step = graph.div(graph.mul(mean, graph.mul(lr, scalars["correction1"] ?? 1)), scale);
      const next = graph.sub(decayed(graph, parameter, lr, decay), step);
      return { parameter: next, slots: { exp_avg: mean, exp_avg_sq: square } };
    },
  };
}

function sgd(decay: number): Optimizer {
  return {
    slots: [],
    scalars: () => ({}),
    apply(graph, { parameter, gradient, lr }) {
      const pull = decay === 0 ? gradient : graph.add(gradient, graph.mul(parameter, decay));
      return { parameter: graph.sub(parameter, graph.mul(pull, lr)), slots: {} };
    },
  };
}

function lion(decay: number): Optimizer {
  const [beta1, beta2] = [0.9, 0.99];
  return {
    slots: ["exp_avg"],
    scalars: () => ({}),
    apply(graph, { parameter, gradient, slots, lr }) {
      const direction = graph.unary("sign", blend(graph, beta1, slots["exp_avg"], gradient));
      const next = graph.sub(decayed(graph, parameter, lr, decay), graph.mul(direction, lr));
      return { parameter: next, slots: { exp_avg: blend(graph, beta2, slots["exp_avg"], gradient) } };
    },
  };
}
