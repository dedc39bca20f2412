import type * as JaxModule from "@jax-js/jax";
import type { Array as JaxArray } from "@jax-js/jax";
import type { BinaryName, DType, Operation, ReduceName, Shape, UnaryName } from "../tensor/program.js";

/** The module @jax-js/jax. */
export type Jax = typeof JaxModule;

/**
 * How each operation is done in @jax-js/jax. Its arrays are counted by hand: an operation consumes what it is given,
 * so `use` hands out an array once per use.
 */
export function operationsOf(
  { numpy: np, nn, lax, random }: Jax,
  use: (id: number) => JaxArray,
): (operation: Operation, shape: Shape, dtype: DType) => JaxArray {
  const types = { float32: np.float32, int32: np.int32, uint32: np.uint32, bool: np.bool } as const;
  const unary: Readonly<Record<UnaryName, (x: JaxArray) => JaxArray>> = {
    neg: np.negative,
    exp: np.exp,
    log: np.log,
    sqrt: np.sqrt,
    rsqrt: (x) => np.reciprocal(np.sqrt(x)),
    sin: np.sin,
    cos: np.cos,
    tanh: np.tanh,
    sigmoid: nn.sigmoid,
    relu: nn.relu,
    silu: nn.silu,
    gelu: (x) => nn.gelu(x, { approximate: false }),
    softplus: nn.softplus,
    abs: np.abs,
    sign: np.sign,
    square: np.square,
    not: np.logicalNot,
    stop_gradient: lax.stopGradient,
  };
  const binary: Readonly<Record<BinaryName, (x: JaxArray, y: JaxArray) => JaxArray>> = {
    add: np.add,
    sub: np.subtract,
    mul: np.multiply,
    div: np.trueDivide,
    max: np.maximum,
    min: np.minimum,
    eq: np.equal,
    ne: np.notEqual,
    lt: np.less,
    le: np.lessEqual,
    gt: np.greater,
    ge: np.greaterEqual,
    and: np.logicalAnd,
    or: np.logicalOr,
  };
  const reduce: Readonly<Record<ReduceName, (x: JaxArray, axes: number[]) => JaxArray>> = {
    sum: np.sum,
    mean: np.mean,
    max: np.max,
    min: np.min,
  };
  // The gradient of a lookup adds up rows by a routine that reads whole buffers, and the compiler (0.1.25) makes none for
  // what is only another view of one ("scatter input is not imm"). To be negated twice changes no number, nor is it
  // simplified away, and the gradient passes the same way back: what the routine reads is computed, hence has a buffer.
  const own = (x: JaxArray): JaxArray => np.negative(np.negative(x));
  return (operation, shape, dtype) => {
    switch (operation.op) {
      case "input":
        throw new Error("inputs are given, not computed");
      case "full":
        return np.full([...shape], operation.value, { dtype: types[dtype] });
      case "table":
        return np.array(operation.data.slice(), { shape: [...shape] });
      case "iota": {
        const line = shape.map((size, axis) => (axis === operation.axis ? size : 1));
        const counted = np.arange(0, shape[operation.axis] ?? 0, 1, { dtype: np.int32 }).reshape(line);
        return np.broadcastTo(counted, [...shape]);
      }
      case "unary":
        return unary[operation.name](use(operation.from));
      case "binary":
        return binary[operation.name](use(operation.left), use(operation.right));
      case "where":
        return np.where(use(operation.condition), use(operation.then), use(operation.otherwise));
      case "reduce":
        return reduce[operation.name](use(operation.from), [...operation.axes]);
      case "argmax":
        return np.argmax(use(operation.from), operation.axis);
      case "cumsum":
        return np.cumsum(use(operation.from), operation.axis);
      case "dot":
        return lax.dot(use(operation.left), use(operation.right), {
          lhsContractingDims: [...operation.axes.left_contract],
          rhsContractingDims: [...operation.axes.right_contract],
          lhsBatchDims: [...operation.axes.left_batch],
          rhsBatchDims: [...operation.axes.right_batch],
        });
      case "reshape":
        return np.reshape(use(operation.from), [...shape]);
      case "transpose":
        return np.transpose(use(operation.from), [...operation.order]);
      case "broadcast":
        return np.broadcastTo(use(operation.from), [...shape]);
      case "slice":
        return use(operation.from).slice(
          ...operation.starts.map((start, axis): [number, number] => [start, operation.ends[axis] ?? 0]),
        );
      case "pad":
        return np.pad(
          use(operation.from),
          operation.widths.map(([before, after]): [number, number] => [before, after]),
        );
      case "flip":
        return np.flip(use(operation.from), [...operation.axes]);
      case "concat":
        return np.concatenate(operation.parts.map(use), operation.axis);
      case "take":
        return own(np.take(use(operation.from), own(use(operation.index)), operation.axis));
      case "conv":
        return lax.convGeneralDilated(
          use(operation.from),
          use(operation.kernel),
          [...operation.strides],
          operation.padding.map(([before, after]): [number, number] => [before, after]),
          { rhsDilation: [...operation.dilation], featureGroupCount: operation.groups },
        );
      case "window_max":
        return lax.reduceWindow(
          use(operation.from),
          (window) => np.max(window),
          [...operation.window],
          [...operation.strides],
        );
      case "uniform": {
        const stream = np.array(Uint32Array.of(Math.imul(operation.stream + 1, 0x9e3779b9) >>> 0)).reshape([]);
        return random.uniform(random.key(np.bitwiseXor(use(operation.key), stream)), [...shape]);
      }
      case "cast":
        return np.astype(use(operation.from), types[dtype]);
    }
  };
}
