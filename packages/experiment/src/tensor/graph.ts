import { ExperimentError } from "../errors.js";
import {
  type BinaryName,
  type DType,
  type DotAxes,
  type Operation,
  type Program,
  type ProgramNode,
  type ReduceName,
  type Shape,
  type UnaryName,
  sizeOf,
} from "./program.js";
import { axisOf, broadcastShapes, mismatch, sameShape, show } from "./shape.js";

/** A value inside a graph that is being built. Immutable; it may be used any number of times. */
export interface Value {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Where a number is wanted, a value or a plain number, which becomes a float32 scalar. */
export type Operand = Value | number;

const comparisons: ReadonlySet<BinaryName> = new Set(["eq", "ne", "lt", "le", "gt", "ge", "and", "or"]);

/**
 * Builds a program, one function call per operation, with shapes checked on the way: a mismatch throws
 * `shape_mismatch` that names both shapes. Broadcasting is NumPy's.
 */
export class Graph {
  readonly #nodes: ProgramNode[] = [];
  readonly #inputs = new Map<string, Value>();
  readonly #outputs = new Map<string, number>();

  /** A graph that goes on where a program ends; the program's outputs are forgotten. */
  static continuing(program: Program): Graph {
    const graph = new Graph();
    for (const [id, node] of program.nodes.entries()) {
      graph.#nodes.push(node);
      const { operation, shape, dtype } = node;
      if (operation.op === "input") graph.#inputs.set(operation.name, { id, shape, dtype });
    }
    return graph;
  }

  /** The program of everything built so far, with the outputs named so far. */
  program(): Program {
    return { nodes: [...this.#nodes], outputs: Object.fromEntries(this.#outputs) };
  }

  /** The names of the outputs so far. */
  get outputNames(): readonly string[] {
    return [...this.#outputs.keys()];
  }

  output(name: string, value: Value): void {
    if (this.#outputs.has(name)) throw new ExperimentError("invalid_argument", `there are two outputs named ${name}`);
    this.#outputs.set(name, value.id);
  }

  /** An input by name; asking again for the same name gives the same value. */
  input(name: string, shape: Shape, dtype: DType = "float32"): Value {
    const known = this.#inputs.get(name);
    if (known !== undefined) {
      if (known.dtype !== dtype || !sameShape(known.shape, shape)) {
        throw mismatch(`input ${name}`, known.shape, shape);
      }
      return known;
    }
    const value = this.#add({ op: "input", name }, shape, dtype);
    this.#inputs.set(name, value);
    return value;
  }

  full(shape: Shape, value: number, dtype: DType = "float32"): Value {
    return this.#add({ op: "full", value }, shape, dtype);
  }

  /** A constant tensor, row by row. */
  table(data: Float32Array | Int32Array, shape: Shape): Value {
    if (sizeOf(shape) !== data.length) throw mismatch("table", [data.length], shape);
    return this.#add({ op: "table", data }, shape, data instanceof Int32Array ? "int32" : "float32");
  }

  /** Whole numbers that count up along one axis. */
  iota(shape: Shape, axis: number): Value {
    return this.#add({ op: "iota", axis: axisOf(axis, shape) }, shape, "int32");
  }

  unary(name: UnaryName, from: Value): Value {
    return this.#add({ op: "unary", name, from: from.id }, from.shape, name === "not" ? "bool" : from.dtype);
  }

  binary(name: BinaryName, left: Operand, right: Operand): Value {
    const [a, b] = this.#pair(left, right);
    if (a.dtype !== b.dtype) {
      throw new ExperimentError("shape_mismatch", `${name}: ${a.dtype} and ${b.dtype} do not go together`);
    }
    const shape = broadcastShapes(name, a.shape, b.shape);
    return this.#add({ op: "binary", name, left: a.id, right: b.id }, shape, comparisons.has(name) ? "bool" : a.dtype);
  }

  neg(x: Value): Value {
    return this.unary("neg", x);
  }

  add(a: Operand, b: Operand): Value {
    return this.binary("add", a, b);
  }

  sub(a: Operand, b: Operand): Value {
    return this.binary("sub", a, b);
  }

  mul(a: Operand, b: Operand): Value {
    return this.binary("mul", a, b);
  }

  div(a: Operand, b: Operand): Value {
    return this.binary("div", a, b);
  }

  where(condition: Value, then: Operand, otherwise: Operand): Value {
    const [a, b] = this.#pair(then, otherwise);
    const shape = broadcastShapes("where", condition.shape, broadcastShapes("where", a.shape, b.shape));
    return this.#add({ op: "where", condition: condition.id, then: a.id, otherwise: b.id }, shape, a.dtype);
  }

  reduce(name: ReduceName, from: Value, axes: readonly number[], keep = false): Value {
    const along = axes.map((axis) => axisOf(axis, from.shape));
    const shape = from.shape.filter((_, axis) => !along.includes(axis));
    const reduced = this.#add({ op: "reduce", name, from: from.id, axes: along }, shape, from.dtype);
    return keep
      ? this.reshape(
          reduced,
          from.shape.map((size, axis) => (along.includes(axis) ? 1 : size)),
        )
      : reduced;
  }

  /** The sum of all numbers, or along some axes. */
  sum(from: Value, axes: readonly number[] = from.shape.map((_, axis) => axis), keep = false): Value {
    return this.reduce("sum", from, axes, keep);
  }

  /** The mean of all numbers, or along some axes. */
  mean(from: Value, axes: readonly number[] = from.shape.map((_, axis) => axis), keep = false): Value {
    return this.reduce("mean", from, axes, keep);
  }

  /** The place of the greatest number along an axis, the first among equals. */
  argmax(from: Value, axis: number): Value {
    const along = axisOf(axis, from.shape);
    return this.#add(
      { op: "argmax", from: from.id, axis: along },
      from.shape.filter((_, a) => a !== along),
      "int32",
    );
  }

  cumsum(from: Value, axis: number): Value {
    return this.#add({ op: "cumsum", from: from.id, axis: axisOf(axis, from.shape) }, from.shape, from.dtype);
  }

  /** A general product; see `DotAxes`. */
  dot(left: Value, right: Value, axes: DotAxes): Value {
    const size = (value: Value, axis: number): number => value.shape[axis] ?? -1;
    const pairs = (a: readonly number[], b: readonly number[]): boolean =>
      a.length === b.length && a.every((axis, i) => size(left, axis) === size(right, b[i] ?? -1));
    if (!pairs(axes.left_contract, axes.right_contract) || !pairs(axes.left_batch, axes.right_batch)) {
      throw mismatch("dot", left.shape, right.shape);
    }
    const rest = (value: Value, ...used: (readonly number[])[]): number[] =>
      value.shape.filter((_, axis) => !used.some((set) => set.includes(axis)));
    const shape = [
      ...axes.left_batch.map((axis) => size(left, axis)),
      ...rest(left, axes.left_batch, axes.left_contract),
      ...rest(right, axes.right_batch, axes.right_contract),
    ];
    return this.#add({ op: "dot", left: left.id, right: right.id, axes }, shape, "float32");
  }

  /** `x` times the transpose of a matrix: the last axis of `x`, of `weight`'s columns, becomes one of its rows. */
  timesTransposed(x: Value, weight: Value): Value {
    return this.dot(x, weight, {
      left_contract: [x.shape.length - 1],
      right_contract: [1],
      left_batch: [],
      right_batch: [],
    });
  }

  /** The product of matrices in the last two axes; the axes before them are the same on both sides. */
  matmul(left: Value, right: Value): Value {
    const rank = right.shape.length;
    if (rank === 2) {
      return this.dot(left, right, {
        left_contract: [left.shape.length - 1],
        right_contract: [0],
        left_batch: [],
        right_batch: [],
      });
    }
    if (left.shape.length !== rank) throw mismatch("matmul", left.shape, right.shape);
    const batch = Array.from({ length: rank - 2 }, (_, axis) => axis);
    return this.dot(left, right, {
      left_contract: [rank - 1],
      right_contract: [rank - 2],
      left_batch: batch,
      right_batch: batch,
    });
  }

  /** The same numbers in another shape; one size may be -1. */
  reshape(from: Value, shape: Shape): Value {
    const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const full = shape.map((size) => (size === -1 ? sizeOf(from.shape) / known : size));
    if (sizeOf(full) !== sizeOf(from.shape) || !full.every(Number.isInteger)) {
      throw mismatch("reshape", from.shape, shape);
    }
    return sameShape(full, from.shape) ? from : this.#add({ op: "reshape", from: from.id }, full, from.dtype);
  }

  transpose(from: Value, order: readonly number[]): Value {
    const axes = order.map((axis) => axisOf(axis, from.shape));
    if (new Set(axes).size !== from.shape.length) throw mismatch("transpose", from.shape, order);
    const shape = axes.map((axis) => from.shape[axis] ?? 1);
    return this.#add({ op: "transpose", from: from.id, order: axes }, shape, from.dtype);
  }

  broadcast(from: Value, shape: Shape): Value {
    if (sameShape(shape, from.shape)) return from;
    if (!sameShape(broadcastShapes("broadcast", from.shape, shape), shape))
      throw mismatch("broadcast", from.shape, shape);
    return this.#add({ op: "broadcast", from: from.id }, shape, from.dtype);
  }

  /** Part of an axis, from `start` up to and without `end`. */
  slice(from: Value, axis: number, start: number, end: number): Value {
    const along = axisOf(axis, from.shape);
    const size = from.shape[along] ?? 0;
    if (!(start >= 0 && start < end && end <= size)) {
      throw new ExperimentError("shape_mismatch", `slice: ${start}..${end} is not inside an axis of ${size}`);
    }
    if (start === 0 && end === size) return from;
    const starts = from.shape.map((_, a) => (a === along ? start : 0));
    const ends = from.shape.map((length, a) => (a === along ? end : length));
    const shape = ends.map((stop, a) => stop - (starts[a] ?? 0));
    return this.#add({ op: "slice", from: from.id, starts, ends }, shape, from.dtype);
  }

  /** An axis cut into parts of these sizes. */
  split(from: Value, axis: number, sizes: readonly number[]): Value[] {
    let start = 0;
    return sizes.map((size) => {
      const part = this.slice(from, axis, start, start + size);
      start += size;
      return part;
    });
  }

  /** Zeros before and after along an axis. */
  pad(from: Value, axis: number, before: number, after: number): Value {
    if (before === 0 && after === 0) return from;
    const along = axisOf(axis, from.shape);
    const widths = from.shape.map((_, a): [number, number] => (a === along ? [before, after] : [0, 0]));
    const shape = from.shape.map((size, a) => (a === along ? size + before + after : size));
    return this.#add({ op: "pad", from: from.id, widths }, shape, from.dtype);
  }

  flip(from: Value, axis: number): Value {
    return this.#add({ op: "flip", from: from.id, axes: [axisOf(axis, from.shape)] }, from.shape, from.dtype);
  }

  concat(parts: readonly Value[], axis: number): Value {
    const [first] = parts;
    if (first === undefined) throw new ExperimentError("invalid_argument", "concat: there is nothing to join");
    if (parts.length === 1) return first;
    const along = axisOf(axis, first.shape);
    let length = 0;
    for (const part of parts) {
      const fits =
        part.shape.length === first.shape.length && part.shape.every((s, a) => a === along || s === first.shape[a]);
      if (!fits || part.dtype !== first.dtype) throw mismatch("concat", first.shape, part.shape);
      length += part.shape[along] ?? 0;
    }
    const shape = first.shape.map((size, a) => (a === along ? length : size));
    return this.#add({ op: "concat", parts: parts.map(({ id }) => id), axis: along }, shape, first.dtype);
  }

  /** Values side by side along a new axis. */
  stack(parts: readonly Value[], axis: number): Value {
    return this.concat(
      parts.map((part) => this.expand(part, axis)),
      axis,
    );
  }

  /** A new axis of size 1. */
  expand(from: Value, axis: number): Value {
    const at = axis < 0 ? axis + from.shape.length + 1 : axis;
    return this.reshape(from, [...from.shape.slice(0, at), 1, ...from.shape.slice(at)]);
  }

  /** Parts of an axis in the order of whole-number indices, whose shape replaces that axis. */
  take(from: Value, index: Value, axis: number): Value {
    const along = axisOf(axis, from.shape);
    const shape = [...from.shape.slice(0, along), ...index.shape, ...from.shape.slice(along + 1)];
    return this.#add({ op: "take", from: from.id, index: index.id, axis: along }, shape, from.dtype);
  }

  /** A convolution (cross-correlation, as in PyTorch): `from` is N, C, space...; `kernel` is C_out, C_in/groups, window... */
  conv(
    from: Value,
    kernel: Value,
    options: {
      readonly strides: readonly number[];
      readonly padding: readonly (readonly [number, number])[];
      readonly dilation: readonly number[];
      readonly groups: number;
    },
  ): Value {
    const [batch = 0, channels = 0, ...space] = from.shape;
    const [out = 0, perGroup = 0, ...window] = kernel.shape;
    if (perGroup * options.groups !== channels || out % options.groups !== 0 || space.length !== window.length) {
      throw mismatch("conv", from.shape, kernel.shape);
    }
    const sizes = space.map((size, i) => {
      const [before = 0, after = 0] = options.padding[i] ?? [];
      const reach = ((window[i] ?? 1) - 1) * (options.dilation[i] ?? 1) + 1;
      return Math.floor((size + before + after - reach) / (options.strides[i] ?? 1)) + 1;
    });
    if (sizes.some((size) => size < 1)) throw mismatch("conv", from.shape, kernel.shape);
    return this.#add({ op: "conv", from: from.id, kernel: kernel.id, ...options }, [batch, out, ...sizes], "float32");
  }

  /** The greatest number of each window of the last axes. */
  windowMax(from: Value, window: readonly number[], strides: readonly number[]): Value {
    const lead = from.shape.length - window.length;
    const shape = from.shape.map((size, axis) =>
      axis < lead ? size : Math.floor((size - (window[axis - lead] ?? 1)) / (strides[axis - lead] ?? 1)) + 1,
    );
    const ones = Array.from({ length: lead }, () => 1);
    return this.#add(
      { op: "window_max", from: from.id, window: [...ones, ...window], strides: [...ones, ...strides] },
      shape,
      "float32",
    );
  }

  /** Random numbers in [0, 1) that follow from `key` (a uint32 scalar) and the number of the stream alone. */
  uniform(key: Value, stream: number, shape: Shape): Value {
    return this.#add({ op: "uniform", key: key.id, stream }, shape, "float32");
  }

  cast(from: Value, dtype: DType): Value {
    return from.dtype === dtype ? from : this.#add({ op: "cast", from: from.id }, from.shape, dtype);
  }

  /** The softmax along an axis. */
  softmax(x: Value, axis: number): Value {
    const { shares, total } = this.unnormalizedSoftmax(x, axis);
    return this.div(shares, total);
  }

  /** What a softmax along an axis divides, and by what: exponentials none of which is above 1, and their sum. */
  unnormalizedSoftmax(x: Value, axis: number): { readonly shares: Value; readonly total: Value } {
    const shares = this.unary("exp", this.sub(x, this.unary("stop_gradient", this.reduce("max", x, [axis], true))));
    return { shares, total: this.sum(shares, [axis], true) };
  }

  /** The logarithm of the softmax along an axis. */
  logSoftmax(x: Value, axis: number): Value {
    return this.sub(x, this.logSumExp(x, axis));
  }

  /** The logarithm of the sum of exponentials along an axis, which stays with size 1. */
  logSumExp(x: Value, axis: number): Value {
    const highest = this.unary("stop_gradient", this.reduce("max", x, [axis], true));
    return this.add(highest, this.unary("log", this.sum(this.unary("exp", this.sub(x, highest)), [axis], true)));
  }

  #pair(left: Operand, right: Operand): [Value, Value] {
    const dtype = typeof left !== "number" ? left.dtype : typeof right !== "number" ? right.dtype : "float32";
    const value = (operand: Operand): Value => (typeof operand === "number" ? this.full([], operand, dtype) : operand);
    return [value(left), value(right)];
  }

  #add(operation: Operation, shape: Shape, dtype: DType): Value {
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 1)) {
      throw new ExperimentError(
        "shape_mismatch",
        `${operation.op}: ${show(shape)} is not a shape of at least one number`,
      );
    }
    const id = this.#nodes.push({ operation, shape, dtype }) - 1;
    return { id, shape, dtype };
  }
}
