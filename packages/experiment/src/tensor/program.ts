/** The types of numbers a tensor can have. Arithmetic happens in float32; the others are indices, bits and masks. */
export type DType = "float32" | "int32" | "uint32" | "bool";

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Functions of one number. `gelu` is the exact one, by the error function; `rsqrt` is 1/sqrt. */
export type UnaryName =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "sin"
  | "cos"
  | "tanh"
  | "sigmoid"
  | "relu"
  | "silu"
  | "gelu"
  | "softplus"
  | "abs"
  | "sign"
  | "square"
  | "not"
  | "stop_gradient";

/** Functions of two numbers; comparisons give bool. */
export type BinaryName =
  "add" | "sub" | "mul" | "div" | "max" | "min" | "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "and" | "or";

/** What a reduction makes of the numbers along its axes. */
export type ReduceName = "sum" | "mean" | "max" | "min";

/** The axes of a general product: contracted ones and those both sides share; the result has batch, left, right. */
export interface DotAxes {
  readonly left_contract: readonly number[];
  readonly right_contract: readonly number[];
  readonly left_batch: readonly number[];
  readonly right_batch: readonly number[];
}

/** What one node computes. `from` and the like are indices of earlier nodes of the same program. */
export type Operation =
  | { readonly op: "input"; readonly name: string }
  | { readonly op: "full"; readonly value: number }
  | { readonly op: "table"; readonly data: Float32Array | Int32Array }
  | { readonly op: "iota"; readonly axis: number }
  | { readonly op: "unary"; readonly name: UnaryName; readonly from: number }
  | { readonly op: "binary"; readonly name: BinaryName; readonly left: number; readonly right: number }
  | { readonly op: "where"; readonly condition: number; readonly then: number; readonly otherwise: number }
  | { readonly op: "reduce"; readonly name: ReduceName; readonly from: number; readonly axes: readonly number[] }
  | { readonly op: "argmax"; readonly from: number; readonly axis: number }
  | { readonly op: "cumsum"; readonly from: number; readonly axis: number }
  | { readonly op: "dot"; readonly left: number; readonly right: number; readonly axes: DotAxes }
  | { readonly op: "reshape"; readonly from: number }
  | { readonly op: "transpose"; readonly from: number; readonly order: readonly number[] }
  | { readonly op: "broadcast"; readonly from: number }
  | {
      readonly op: "slice";
      readonly from: number;
      readonly starts: readonly number[];
      readonly ends: readonly number[];
    }
  | { readonly op: "pad"; readonly from: number; readonly widths: readonly (readonly [number, number])[] }
  | { readonly op: "flip"; readonly from: number; readonly axes: readonly number[] }
  | { readonly op: "concat"; readonly parts: readonly number[]; readonly axis: number }
  | { readonly op: "take"; readonly from: number; readonly index: number; readonly axis: number }
  | {
      readonly op: "conv";
      readonly from: number;
      readonly kernel: number;
      readonly strides: readonly number[];
      readonly padding: readonly (readonly [number, number])[];
      readonly dilation: readonly number[];
      readonly groups: number;
    }
  | {
      readonly op: "window_max";
      readonly from: number;
      readonly window: readonly number[];
      readonly strides: readonly number[];
    }
  | { readonly op: "uniform"; readonly key: number; readonly stream: number }
  | { readonly op: "cast"; readonly from: number };

/** One value of a program: what computes it, and what it is. */
export interface ProgramNode {
  readonly operation: Operation;
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * A computation over tensors as plain data: what is sent to an engine. Nodes refer only to earlier nodes; shapes are
 * static. Inputs and outputs go by name.
 */
export interface Program {
  readonly nodes: readonly ProgramNode[];
  readonly outputs: Readonly<Record<string, number>>;
}

/** The inputs of a program, by name. */
export function programInputs(program: Program): Map<string, { readonly shape: Shape; readonly dtype: DType }> {
  const inputs = new Map<string, { shape: Shape; dtype: DType }>();
  for (const { operation, shape, dtype } of program.nodes) {
    if (operation.op === "input") inputs.set(operation.name, { shape, dtype });
  }
  return inputs;
}

/** The nodes an operation reads. */
export function operandsOf(operation: Operation): readonly number[] {
  switch (operation.op) {
    case "input":
    case "full":
    case "table":
    case "iota":
      return [];
    case "binary":
    case "dot":
      return [operation.left, operation.right];
    case "where":
      return [operation.condition, operation.then, operation.otherwise];
    case "concat":
      return operation.parts;
    case "take":
      return [operation.from, operation.index];
    case "conv":
      return [operation.from, operation.kernel];
    case "uniform":
      return [operation.key];
    default:
      return [operation.from];
  }
}

/** How many numbers a shape holds. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}
