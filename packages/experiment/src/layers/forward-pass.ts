import { ExperimentError } from "../errors.js";
import type { Graph, Value } from "../tensor/graph.js";
import { show } from "../tensor/shape.js";
import type { DType, Shape } from "../tensor/program.js";
import type { Initial, ParameterSpec } from "./initial.js";

/** Inputs of a program are named by what they are for; these are the prefixes. */
export const PARAMETER = "parameter:";
export const STATE = "state:";
export const RANDOM_KEY = "random_key";

/** How a sequence is continued: tokens `position` to `position + length` of at most `capacity`. */
export interface Continuation {
  /** How many tokens came before, an int32 scalar. */
  readonly position: Value;
  /** How many of this chunk's tokens count, an int32 scalar; the rest is filling. */
  readonly length: Value;
  /** How many tokens there is room for. */
  readonly capacity: number;
}

/** A part of the objective that layers add themselves, such as the balance of a mixture of experts. */
export interface AuxiliaryLoss {
  readonly name: string;
  readonly value: Value;
  readonly weight: number;
}

/** Something to carry from one chunk of a sequence to the next. */
export interface StateSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * One way through a model while its program is being built: layers ask it for parameters, dropout and carried state,
 * and leave their auxiliary losses and whatever others may want to see with it.
 */
export class ForwardPass {
  readonly graph: Graph;
  /** Whether dropout drops. */
  readonly training: boolean;
  readonly continuation: Continuation | undefined;
  readonly parameters = new Map<string, ParameterSpec>();
  readonly auxiliary: AuxiliaryLoss[] = [];
  readonly states = new Map<string, StateSpec>();
  /** What buffers become after this step, by name. */
  readonly updates = new Map<string, Value>();
  /** Outputs of the attention layers, by path, in order. */
  readonly attentions = new Map<string, Value>();
  #streams = 0;

  constructor(
    graph: Graph,
    options: { readonly training: boolean; readonly continuation?: Continuation | undefined } = { training: false },
  ) {
    this.graph = graph;
    this.training = options.training;
    this.continuation = options.continuation;
  }

  /** A parameter of the model; the same name is the same parameter. */
  parameter(name: string, shape: Shape, initial: Initial, trainable = true): Value {
    if (!this.parameters.has(name)) this.parameters.set(name, { name, shape, initial, trainable });
    return this.graph.input(PARAMETER + name, shape);
  }

  /** Something that training keeps up to date without gradients, such as a running mean. */
  buffer(name: string, shape: Shape, value: number): Value {
    return this.parameter(name, shape, { kind: "constant", value }, false);
  }

  /** Says what a buffer becomes after this step. */
  update(name: string, value: Value): void {
    this.updates.set(name, this.graph.unary("stop_gradient", value));
  }

  /** Sets numbers to zero with probability `p` and scales the rest up, while training. */
  dropout(x: Value, p: number): Value {
    if (!this.training || p === 0) return x;
    if (p >= 1) return this.graph.mul(x, 0);
    const random = this.graph.uniform(this.graph.input(RANDOM_KEY, [], "uint32"), this.#streams++, x.shape);
    return this.graph.where(this.graph.binary("ge", random, p), this.graph.mul(x, 1 / (1 - p)), 0);
  }

  /** What was carried over from the tokens before; zeros at the beginning. */
  carried(name: string, shape: Shape): Value {
    if (this.states.has(name)) {
      throw new ExperimentError("unsupported", `${name}: a layer with shared weights cannot carry state`);
    }
    this.states.set(name, { name, shape, dtype: "float32" });
    return this.graph.input(STATE + name, shape);
  }

  /** Says what to carry over to the tokens after. */
  carry(name: string, value: Value): void {
    this.graph.output(STATE + name, value);
  }
}

/** The width of the last axis, or an `shape_mismatch` that says where and what was expected. */
export function expectWidth(x: Value, width: number, path: string, name: string): void {
  if (x.shape.at(-1) === width) return;
  throw new ExperimentError(
    "shape_mismatch",
    `${path}: expected inputs of ${name}=${width} in the last axis, found ${show(x.shape)}`,
  );
}

/** A tensor of this many axes, or a `shape_mismatch` that says where. */
export function expectRank(x: Value, rank: number, path: string, axes: string): void {
  if (x.shape.length === rank) return;
  throw new ExperimentError("shape_mismatch", `${path}: expected ${axes}, found ${show(x.shape)}`);
}

/** The path of a part. */
export function under(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
