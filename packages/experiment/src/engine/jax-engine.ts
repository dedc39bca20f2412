import type { Array as JaxArray } from "@jax-js/jax";
import { ExperimentError } from "../errors.js";
import { show } from "../tensor/shape.js";
import { type DType, type Program, type Shape, operandsOf, programInputs, sizeOf } from "../tensor/program.js";
import type { Computation, Engine, EngineTensor, Executable, TensorData, Tensors } from "./engine.js";
import { JAX_VERSION } from "./jax-version.js";
import { type Jax, operationsOf } from "./jax-operations.js";

let loaded: Promise<Jax> | undefined;

/**
 * The embedded engine: @jax-js/jax on WebAssembly. It needs nothing but npm. Loaded at the first call; every call gives
 * an engine over the same arithmetic. Rejects with `engine_failed` where WebAssembly does not start.
 */
export async function openJaxEngine(): Promise<Engine> {
  loaded ??= load();
  return new JaxEngine(await loaded);
}

async function load(): Promise<Jax> {
  try {
    const jax = await import("@jax-js/jax");
    await jax.init("wasm");
    jax.defaultDevice("wasm");
    return jax;
  } catch (cause) {
    loaded = undefined;
    throw new ExperimentError("engine_failed", "the embedded engine did not start: it needs WebAssembly with SIMD", {
      cause,
    });
  }
}

class JaxTensor implements EngineTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  #array: JaxArray | undefined;

  constructor(array: JaxArray) {
    this.#array = array;
    this.shape = array.shape;
    this.dtype = array.dtype as DType;
  }

  /** The array, for one more use. */
  share(): JaxArray {
    return this.#held().ref;
  }

  /** The array, for the last use. */
  surrender(): JaxArray {
    const array = this.#held();
    this.#array = undefined;
    return array;
  }

  dispose(): void {
    this.#array?.dispose();
    this.#array = undefined;
  }

  #held(): JaxArray {
    if (this.#array === undefined) throw new ExperimentError("invalid_argument", "this tensor was disposed");
    return this.#array;
  }
}

class JaxEngine implements Engine {
  readonly name = "jax";
  readonly version = JAX_VERSION;
  readonly device = "cpu";
  readonly #jax: Jax;

  constructor(jax: Jax) {
    this.#jax = jax;
  }

  put(data: TensorData, shape: Shape): EngineTensor {
    if (sizeOf(shape) !== data.length) {
      throw new ExperimentError("shape_mismatch", `${data.length} numbers do not make a tensor of ${show(shape)}`);
    }
    // The engine takes over what it is given; the caller's numbers stay the caller's.
    return new JaxTensor(this.#jax.numpy.array(data.slice(), { shape: [...shape] }));
  }

  async read(tensor: EngineTensor): Promise<TensorData> {
    const data: unknown = await heldBy(tensor).share().data();
    if (data instanceof Float32Array || data instanceof Uint32Array || data instanceof Int32Array) return data;
    throw new ExperimentError("unsupported", `a tensor of ${tensor.dtype} cannot be read; cast it first`);
  }

  async settle(tensors: Iterable<EngineTensor>): Promise<void> {
    for (const tensor of tensors) (await heldBy(tensor).share().blockUntilReady()).dispose();
  }

  prepare(computation: Computation): Executable {
    return new JaxExecutable(this.#jax, computation);
  }
}

class JaxExecutable implements Executable {
  readonly #inputs: Map<string, { readonly shape: Shape; readonly dtype: DType }>;
  readonly #names: readonly string[];
  readonly #outputs: string[] = [];
  readonly #compiled: ((arrays: JaxArray[]) => JaxArray[]) & { dispose(): void };

  constructor(jax: Jax, computation: Computation) {
    this.#inputs = inputsOf(computation);
    this.#names = [...this.#inputs.keys()];
    const run = bodyOf(jax, computation, this.#names);
    this.#compiled = jax.jit((arrays: JaxArray[]): JaxArray[] => {
      const results = run(arrays);
      this.#outputs.splice(0, Infinity, ...results.keys());
      return [...results.values()];
    });
  }

  run(inputs: Tensors, { consume }: { readonly consume?: ReadonlySet<string> } = {}): Record<string, EngineTensor> {
    const tensors = this.#names.map((name) => this.#checked(name, inputs[name]));
    const arrays = tensors.map((tensor, i) =>
      consume?.has(this.#names[i] ?? "") === true ? tensor.surrender() : tensor.share(),
    );
    const results = this.#compiled(arrays);
    return Object.fromEntries(results.map((array, i) => [this.#outputs[i] ?? "", new JaxTensor(array)]));
  }

  dispose(): void {
    this.#compiled.dispose();
  }

  #checked(name: string, tensor: EngineTensor | undefined): JaxTensor {
    const wanted = this.#inputs.get(name);
    if (tensor === undefined || wanted === undefined) {
      throw new ExperimentError(
        "missing_key",
        `there is no input ${name}; the computation takes ${this.#names.join(", ")}`,
      );
    }
    const same = tensor.shape.length === wanted.shape.length && tensor.shape.every((s, i) => s === wanted.shape[i]);
    if (!same || tensor.dtype !== wanted.dtype) {
      throw new ExperimentError(
        "shape_mismatch",
        `input ${name}: expected ${wanted.dtype} ${show(wanted.shape)}, found ${tensor.dtype} ${show(tensor.shape)}`,
      );
    }
    return heldBy(tensor);
  }
}

/** Outputs by name; consumes its arguments, as every function over these arrays does. */
type Body = (arrays: JaxArray[]) => Map<string, JaxArray>;

const VALUE = "value:";
const GRADIENT = "gradient:";

/** The inputs of a computation: those of its program, and those that only `then` asks for. */
function inputsOf(computation: Computation): Map<string, { readonly shape: Shape; readonly dtype: DType }> {
  const inputs = programInputs(computation.program);
  if (computation.kind === "evaluate" || computation.then === undefined) return inputs;
  for (const [name, type] of programInputs(computation.then)) {
    if (!name.startsWith(VALUE) && !name.startsWith(GRADIENT)) inputs.set(name, inputs.get(name) ?? type);
  }
  return inputs;
}

function bodyOf(jax: Jax, computation: Computation, names: readonly string[]): Body {
  if (computation.kind === "evaluate") {
    return (arrays) => interpret(jax, computation.program, zip(names, arrays));
  }
  const { program, loss, with_respect_to: wanted, then } = computation;
  const ofProgram = [...programInputs(program).keys()];
  // An input that comes out as it went in has no place inside the differentiation, which loses track of it there.
  const passed = new Map(
    Object.entries(program.outputs).flatMap(([name, id]) => {
      const operation = program.nodes[id]?.operation;
      return operation?.op === "input" ? [[name, operation.name] as const] : [];
    }),
  );
  const outputs = Object.keys(program.outputs).filter((name) => !passed.has(name));
  const wantedOutputs = Object.entries(program.outputs).filter(([name]) => name === loss || !passed.has(name));
  const inside: Program = { nodes: program.nodes, outputs: Object.fromEntries(wantedOutputs) };
  const differentiated = jax.valueAndGrad(
    (variables: JaxArray[], rest: JaxArray[]): [JaxArray, JaxArray[]] => {
      const others = ofProgram.filter((name) => !wanted.includes(name));
      const results = interpret(jax, inside, new Map([...zip(wanted, variables), ...zip(others, rest)]));
      const scalar = results.get(loss);
      if (scalar === undefined) throw new ExperimentError("missing_key", `the program has no output ${loss}`);
      return [scalar.ref, outputs.map((name) => results.get(name) ?? scalar)];
    },
    { hasAux: true },
  );
  return (arrays) => {
    const inputs = zip(names, arrays);
    const others = ofProgram.filter((name) => !wanted.includes(name));
    const pick = (list: readonly string[]): JaxArray[] => list.flatMap((name) => inputs.get(name)?.ref ?? []);
    const [[scalar, values], gradients] = differentiated(pick(wanted), pick(others)) as unknown as [
      [JaxArray, JaxArray[]],
      JaxArray[],
    ];
    scalar.dispose();
    const outputName = (name: string): string => (then === undefined ? name : VALUE + name);
    const results = new Map([
      ...zip(outputs.map(outputName), values),
      ...zip([...passed.keys()].map(outputName), pick([...passed.values()])),
      ...zip(
        wanted.map((name) => GRADIENT + name),
        gradients,
      ),
    ]);
    if (then === undefined) {
      for (const array of inputs.values()) array.dispose();
      return results;
    }
    return interpret(jax, then, new Map([...inputs, ...results]));
  };
}

/** Runs a program on arrays, each of which is consumed, whether the program reads it or not. */
function interpret(jax: Jax, program: Program, inputs: Map<string, JaxArray>): Map<string, JaxArray> {
  const uses = new Array<number>(program.nodes.length).fill(0);
  const outputs = Object.entries(program.outputs);
  for (const [, id] of outputs) uses[id] = (uses[id] ?? 0) + 1;
  for (let id = program.nodes.length - 1; id >= 0; id--) {
    const node = program.nodes[id];
    if (node === undefined || uses[id] === 0) continue;
    for (const operand of operandsOf(node.operation)) uses[operand] = (uses[operand] ?? 0) + 1;
  }
  const values = new Array<JaxArray | undefined>(program.nodes.length);
  /** A value for one of its uses; the last one takes it along. */
  const use = (id: number): JaxArray => {
    const value = values[id];
    if (value === undefined) throw new ExperimentError("invalid_argument", `node ${id} is used before it is computed`);
    uses[id] = (uses[id] ?? 0) - 1;
    if (uses[id] > 0) return value.ref;
    values[id] = undefined;
    return value;
  };
  const evaluate = operationsOf(jax, use);
  for (const [id, node] of program.nodes.entries()) {
    if (uses[id] === 0) continue;
    if (node.operation.op === "input") {
      const given = inputs.get(node.operation.name);
      if (given === undefined) throw new ExperimentError("missing_key", `there is no input ${node.operation.name}`);
      values[id] = given.ref;
    } else values[id] = evaluate(node.operation, node.shape, node.dtype);
  }
  const results = new Map(outputs.map(([name, id]) => [name, use(id)]));
  for (const array of inputs.values()) array.dispose();
  return results;
}

function zip<T>(names: readonly string[], values: readonly T[]): Map<string, T> {
  return new Map(names.flatMap((name, i) => (values[i] === undefined ? [] : [[name, values[i]] as [string, T]])));
}

function heldBy(tensor: EngineTensor): JaxTensor {
  if (tensor instanceof JaxTensor) return tensor;
  throw new ExperimentError("invalid_argument", "this tensor belongs to another engine");
}
