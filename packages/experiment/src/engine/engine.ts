import type { DType, Program, Shape } from "../tensor/program.js";

/** The numbers of a tensor outside an engine, row by row. */
export type TensorData = Float32Array | Int32Array | Uint32Array;

/** A tensor that lives in an engine. Whoever has it disposes it, once. */
export interface EngineTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  dispose(): void;
}

/** Tensors by name. */
export type Tensors = Readonly<Record<string, EngineTensor>>;

/**
 * What an engine is asked to compute, as plain data.
 *
 * - `evaluate`: the outputs of a program.
 * - `differentiate`: the outputs of a program and, as `gradient:NAME`, how its scalar output `loss` changes with the
 *   inputs named in `with_respect_to`. With `then`, a second program takes these (outputs as `value:NAME`) beside the
 *   inputs of the first and inputs of its own, and only its outputs come back: a whole training step in one computation.
 */
export type Computation =
  | { readonly kind: "evaluate"; readonly program: Program }
  | {
      readonly kind: "differentiate";
      readonly program: Program;
      readonly loss: string;
      readonly with_respect_to: readonly string[];
      readonly then?: Program;
    };

/** A computation that is ready to run. */
export interface Executable {
  /**
   * Runs it. Inputs are left alone, except those in `consume`, which are disposed as soon as they were read. Throws
   * `missing_key` when an input is not there, `shape_mismatch` when one is another shape or type than was said.
   */
  run(inputs: Tensors, options?: { readonly consume?: ReadonlySet<string> }): Record<string, EngineTensor>;
  dispose(): void;
}

/** What runs computations: the border between this package and whatever does the arithmetic. */
export interface Engine {
  /** For the artifacts: `jax`. */
  readonly name: string;
  readonly version: string;
  /** What does the arithmetic: `cpu`. */
  readonly device: string;
  /** Moves numbers into the engine. */
  put(data: TensorData, shape: Shape): EngineTensor;
  /** Moves numbers out of the engine; the tensor stays. */
  read(tensor: EngineTensor): Promise<TensorData>;
  /** Waits until what was asked for so far has been computed. */
  settle(tensors: Iterable<EngineTensor>): Promise<void>;
  prepare(computation: Computation): Executable;
}
