import { randomStream } from "@vrx/ring-engine";
import { type Shape, sizeOf } from "../tensor/program.js";

/** What a parameter starts from, as plain data. */
export type Initial =
  | { readonly kind: "constant"; readonly value: number }
  /** Evenly between -bound and bound. */
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "normal"; readonly std: number }
  /** The same row 1, 2, ... n, as logarithms: how a state space starts (Gu and Dao: Mamba, 2023). */
  | { readonly kind: "log_counting" }
  /** A square matrix that changes nothing. */
  | { readonly kind: "identity" }
  /**
   * The inverse softplus of time steps spread evenly in the logarithm from `min` to `max`, none below `floor`: the bias
   * of a state space's time step (Gu and Dao: Mamba, 2023).
   */
  | { readonly kind: "time_step"; readonly min: number; readonly max: number; readonly floor: number };

/** A parameter of a model: its name as in a PyTorch state dict, its shape, and where it starts. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly initial: Initial;
  /** False for what training leaves alone. */
  readonly trainable: boolean;
}

/**
 * The first values of a parameter. They follow from the seed and the name alone (Philox4x32-10), so that they do not
 * depend on the machine, on the engine, or on what else the model has.
 */
export function initialValues({ name, shape, initial }: ParameterSpec, seed: number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  const random = randomStream(seed, "initial_values", name);
  const columns = shape.at(-1) ?? 1;
  for (let i = 0; i < values.length; i++) values[i] = initialValue(initial, random, i, columns);
  return values;
}

function initialValue(initial: Initial, random: ReturnType<typeof randomStream>, i: number, columns: number): number {
  switch (initial.kind) {
    case "constant":
      return initial.value;
    case "uniform":
      return (2 * random.uniform(i) - 1) * initial.bound;
    case "normal":
      return initial.std * random.normal(i);
    case "log_counting":
      return Math.log((i % columns) + 1);
    case "identity":
      return i % columns === Math.floor(i / columns) ? 1 : 0;
    case "time_step": {
      const [low, high] = [Math.log(initial.min), Math.log(initial.max)];
      const step = Math.max(initial.floor, Math.exp(low + random.uniform(i) * (high - low)));
      return step + Math.log(-Math.expm1(-step));
    }
  }
}

/** How PyTorch starts a linear layer or a convolution: evenly within 1/sqrt of the number of inputs of each output. */
export function fanIn(inputs: number): Initial {
  return { kind: "uniform", bound: 1 / Math.sqrt(inputs) };
}

/** Glorot and Bengio's uniform start (2010). */
export function xavier(inputs: number, outputs: number): Initial {
  return { kind: "uniform", bound: Math.sqrt(6 / (inputs + outputs)) };
}
