import type { Engine, EngineTensor } from "../engine/engine.js";
import { ExperimentError } from "../errors.js";
import { PARAMETER } from "../layers/forward-pass.js";
import { type ParameterSpec, initialValues } from "../layers/initial.js";
import { show } from "../tensor/shape.js";
import { type Shape, sizeOf } from "../tensor/program.js";

/** A tensor outside an engine. */
export interface HostTensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Tensors outside an engine by name: a state dict. */
export type StateDict = ReadonlyMap<string, HostTensor>;

/** The parameters of a system in an engine, by name. It owns their tensors. */
export class Weights {
  readonly specs: readonly ParameterSpec[];
  readonly #engine: Engine;
  readonly #tensors = new Map<string, EngineTensor>();

  /** Parameters with what they start from, which follows from `seed`; those in `given` have its values instead. */
  constructor(engine: Engine, specs: readonly ParameterSpec[], seed: number, given: StateDict = new Map()) {
    this.specs = specs;
    this.#engine = engine;
    for (const spec of specs) {
      const tensor = given.get(spec.name);
      if (tensor !== undefined && show(tensor.shape) !== show(spec.shape)) {
        throw new ExperimentError(
          "checkpoint_mismatch",
          `${spec.name}: the model has ${show(spec.shape)}, the checkpoint ${show(tensor.shape)}`,
        );
      }
      this.#tensors.set(spec.name, engine.put(tensor?.data ?? initialValues(spec, seed), spec.shape));
    }
  }

  /** How many numbers there are. */
  get count(): number {
    return this.specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** As inputs of a program. */
  inputs(): Record<string, EngineTensor> {
    return Object.fromEntries([...this.#tensors].map(([name, tensor]) => [PARAMETER + name, tensor]));
  }

  /** Takes over new tensors, by name; the old ones are disposed. */
  replace(tensors: Iterable<readonly [string, EngineTensor]>): void {
    for (const [name, tensor] of tensors) {
      this.#tensors.get(name)?.dispose();
      this.#tensors.set(name, tensor);
    }
  }

  /** The values, outside the engine. */
  async read(): Promise<Map<string, HostTensor>> {
    const values = new Map<string, HostTensor>();
    for (const [name, tensor] of this.#tensors) {
      values.set(name, { shape: tensor.shape, data: Float32Array.from(await this.#engine.read(tensor)) });
    }
    return values;
  }

  dispose(): void {
    for (const tensor of this.#tensors.values()) tensor.dispose();
    this.#tensors.clear();
  }
}
