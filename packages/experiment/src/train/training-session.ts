import type { Train } from "@vrx/manifest";
import { randomStream } from "@vrx/ring-engine";
import type { Batch } from "../data/dataset.js";
import type { Engine, EngineTensor, Executable } from "../engine/engine.js";
import { ExperimentError } from "../errors.js";
import { PARAMETER, RANDOM_KEY } from "../layers/forward-pass.js";
import type { ParameterSpec } from "../layers/initial.js";
import { BATCH, type BatchSpec, LOSS, METRIC, type SystemSpec, buildLoss } from "../system/build-system.js";
import { type HostTensor, type StateDict, Weights } from "../system/weights.js";
import { sizeOf } from "../tensor/program.js";
import { REPORT, SCALAR, SLOT, SUM, type TrainingPrograms, trainingPrograms } from "./training-step.js";

/** The figures of a step or of a validation: `loss` and whatever the objective and the layers say. */
export type Figures = Readonly<Record<string, number>>;

/** What a batch is made of. */
export function batchSpec(batch: Batch): BatchSpec {
  return Object.fromEntries(
    Object.entries(batch).map(([key, { data, shape }]) => [
      key,
      { shape, dtype: data instanceof Int32Array ? ("int32" as const) : ("float32" as const) },
    ]),
  );
}

/**
 * A system in training: its weights, what the optimiser keeps, and the compiled step. The same seed, weights and batches
 * give the same numbers, bit for bit, however often it was saved and restored in between.
 */
export class TrainingSession {
  readonly weights: Weights;
  readonly #engine: Engine;
  readonly #spec: SystemSpec;
  readonly #seed: number;
  readonly #programs: TrainingPrograms;
  readonly #step: Executable;
  readonly #apply: Executable | undefined;
  readonly #consumed: ReadonlySet<string>;
  readonly #slots = new Map<string, EngineTensor>();
  readonly #evaluations = new Map<string, { readonly run: Executable; readonly names: readonly string[] }>();
  #steps = 0;

  constructor(options: {
    readonly engine: Engine;
    readonly spec: SystemSpec;
    readonly train: Train;
    readonly seed: number;
    readonly batch: BatchSpec;
    /** Weights to start from, where they are not the initial ones. */
    readonly state?: StateDict;
    readonly isTrainable?: (parameter: ParameterSpec) => boolean;
  }) {
    const { engine, spec, train, seed } = options;
    this.#engine = engine;
    this.#spec = spec;
    this.#seed = seed;
    this.#programs = trainingPrograms(spec, options.batch, train, options.isTrainable);
    this.weights = new Weights(engine, this.#programs.parameters, seed, options.state);
    for (const { name, shape } of this.#programs.slots) {
      this.#slots.set(name, engine.put(new Float32Array(sizeOf(shape)), shape));
    }
    this.#step = engine.prepare(this.#programs.step);
    this.#apply = this.#programs.apply === undefined ? undefined : engine.prepare(this.#programs.apply);
    const trained = new Set(this.#trained());
    this.#consumed = new Set([
      ...[...trained].flatMap((name) => [PARAMETER + name, SUM + name]),
      ...[...this.#slots.keys()].map((name) => SLOT + name),
    ]);
  }

  /** How many steps have been made. */
  get steps(): number {
    return this.#steps;
  }

  /** One step at a learning rate, of as many batches as the run accumulates. Throws `not_finite` where the loss is not. */
  async step(batches: readonly Batch[], lr: number): Promise<Figures> {
    const scalars = this.#scalars(lr);
    const sums = new Map<string, EngineTensor>();
    const reports: number[][] = [];
    if (this.#apply !== undefined) {
      for (const { name, shape } of this.#programs.parameters) {
        if (this.#isTrained(name)) sums.set(name, this.#engine.put(new Float32Array(sizeOf(shape)), shape));
      }
    }
    for (const [micro, batch] of batches.entries()) {
      const inputs = { ...this.#inputs(batch, micro), ...prefixed(SUM, sums), ...scalars };
      // Where a step is one batch, the old parameters and slots are not needed once they were read.
      const results = this.#step.run(
        inputs,
        this.#apply === undefined ? { consume: this.#consumed } : { consume: sumsOf(sums) },
      );
      disposeBatch(inputs);
      const report = results[REPORT];
      this.#adopt(results, sums);
      if (report !== undefined) reports.push([...(await this.#engine.read(report))]);
      report?.dispose();
    }
    if (this.#apply !== undefined) {
      const inputs = { ...this.weights.inputs(), ...prefixed(SLOT, this.#slots), ...prefixed(SUM, sums), ...scalars };
      const results = this.#apply.run(inputs, { consume: this.#consumed });
      const report = results[REPORT];
      this.#adopt(results, new Map());
      if (report !== undefined) reports.push([...(await this.#engine.read(report))]);
      report?.dispose();
    }
    for (const tensor of Object.values(scalars)) tensor.dispose();
    this.#steps++;
    const figures = this.#figures(reports, batches.length);
    const { loss } = figures;
    if (loss === undefined || !Number.isFinite(loss)) {
      throw new ExperimentError(
        "not_finite",
        `the loss of step ${this.#steps} is ${loss}: lower lr, or set grad_clip_norm`,
        {
          details: { step: this.#steps, figures },
        },
      );
    }
    return figures;
  }

  /** The figures of a batch, without dropout and without auxiliary losses in `loss`. */
  async evaluate(batch: Batch): Promise<Figures> {
    const spec = batchSpec(batch);
    const key = JSON.stringify(spec);
    let evaluation = this.#evaluations.get(key);
    if (evaluation === undefined) {
      const { program } = buildLoss(this.#spec, spec, { training: false });
      const names = Object.keys(program.outputs).filter((name) => name === LOSS || name.startsWith(METRIC));
      evaluation = { run: this.#engine.prepare({ kind: "evaluate", program }), names };
      this.#evaluations.set(key, evaluation);
    }
    const inputs = this.#inputs(batch, 0);
    const results = evaluation.run.run(inputs);
    disposeBatch(inputs);
    const figures: Record<string, number> = {};
    for (const name of evaluation.names) {
      const tensor = results[name];
      if (tensor !== undefined) figures[name.replace(METRIC, "")] = (await this.#engine.read(tensor))[0] ?? NaN;
    }
    for (const tensor of Object.values(results)) tensor.dispose();
    return figures;
  }

  /** All that a later session needs to go on as this one would: weights and what the optimiser keeps. */
  async state(): Promise<{ readonly steps: number; readonly weights: StateDict; readonly slots: StateDict }> {
    const slots = new Map<string, HostTensor>();
    for (const [name, tensor] of this.#slots) {
      slots.set(name, { shape: tensor.shape, data: Float32Array.from(await this.#engine.read(tensor)) });
    }
    return { steps: this.#steps, weights: await this.weights.read(), slots };
  }

  /** Goes on from a state. Throws `checkpoint_mismatch` where it has other tensors than this session. */
  restore(state: { readonly steps: number; readonly weights: StateDict; readonly slots: StateDict }): void {
    const check = (kind: string, wanted: Iterable<string>, given: StateDict): void => {
      const lacking = [...wanted].filter((name) => !given.has(name));
      if (lacking.length > 0) {
        throw new ExperimentError(
          "checkpoint_mismatch",
          `the checkpoint lacks ${kind} ${lacking.slice(0, 4).join(", ")}`,
        );
      }
    };
    check(
      "the parameter",
      this.weights.specs.map(({ name }) => name),
      state.weights,
    );
    check("the optimiser's", this.#slots.keys(), state.slots);
    const put = ({ data, shape }: HostTensor): EngineTensor => this.#engine.put(data, shape);
    this.weights.replace([...state.weights].map(([name, tensor]) => [name, put(tensor)] as const));
    for (const [name, tensor] of state.slots) {
      this.#slots.get(name)?.dispose();
      this.#slots.set(name, put(tensor));
    }
    this.#steps = state.steps;
  }

  dispose(): void {
    this.weights.dispose();
    for (const tensor of this.#slots.values()) tensor.dispose();
    this.#step.dispose();
    this.#apply?.dispose();
    for (const { run } of this.#evaluations.values()) run.dispose();
  }

  #trained(): string[] {
    const { step } = this.#programs;
    return step.kind === "differentiate" ? step.with_respect_to.map((name) => name.slice(PARAMETER.length)) : [];
  }

  #isTrained(name: string): boolean {
    return this.#consumed.has(PARAMETER + name);
  }

  #inputs(batch: Batch, micro: number): Record<string, EngineTensor> {
    // The masks of dropout follow from the seed, the step and the place of the batch in it.
    const key = Math.floor(randomStream(this.#seed, "data", `dropout ${micro}`).uniform(this.#steps) * 2 ** 32);
    return {
      ...this.weights.inputs(),
      ...prefixed(SLOT, this.#slots),
      ...Object.fromEntries(
        Object.entries(batch).map(([name, { data, shape }]) => [BATCH + name, this.#engine.put(data, shape)]),
      ),
      [RANDOM_KEY]: this.#engine.put(Uint32Array.of(key), []),
    };
  }

  #scalars(lr: number): Record<string, EngineTensor> {
    const values = { lr, ...this.#programs.optimizer.scalars(this.#steps + 1) };
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [SCALAR + name, this.#engine.put(Float32Array.of(value), [])]),
    );
  }

  /** Takes what a step gave: parameters, slots, and sums. */
  #adopt(results: Readonly<Record<string, EngineTensor>>, sums: Map<string, EngineTensor>): void {
    for (const [name, tensor] of Object.entries(results)) {
      if (name.startsWith(PARAMETER)) this.weights.replace([[name.slice(PARAMETER.length), tensor]]);
      else if (name.startsWith(SLOT)) {
        this.#slots.get(name.slice(SLOT.length))?.dispose();
        this.#slots.set(name.slice(SLOT.length), tensor);
      } else if (name.startsWith(SUM)) sums.set(name.slice(SUM.length), tensor);
    }
  }

  /** Means over the batches of a step; the norm of the gradient is of all together. */
  #figures(reports: readonly (readonly number[])[], batches: number): Figures {
    const figures: Record<string, number> = {};
    for (const [i, name] of this.#programs.figures.entries()) {
      figures[name] = reports.slice(0, batches).reduce((sum, report) => sum + (report[i] ?? NaN), 0) / batches;
    }
    if (this.#apply !== undefined) figures["grad_norm"] = reports.at(-1)?.[0] ?? NaN;
    return figures;
  }
}

function prefixed(prefix: string, tensors: ReadonlyMap<string, EngineTensor>): Record<string, EngineTensor> {
  return Object.fromEntries([...tensors].map(([name, tensor]) => [prefix + name, tensor]));
}

function sumsOf(sums: ReadonlyMap<string, EngineTensor>): ReadonlySet<string> {
  return new Set([...sums.keys()].map((name) => SUM + name));
}

function disposeBatch(inputs: Readonly<Record<string, EngineTensor>>): void {
  for (const [name, tensor] of Object.entries(inputs)) {
    if (name.startsWith(BATCH) || name === RANDOM_KEY) tensor.dispose();
  }
}
