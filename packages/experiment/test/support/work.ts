import type { Engine } from "../../src/engine/engine.js";
import { type Program, sizeOf } from "../../src/tensor/program.js";

/** Numbers that a program computes, and multiplications of its products; constants and views are free. */
export function workOf({ nodes }: Program): number {
  let work = 0;
  for (const { operation, shape } of nodes) {
    switch (operation.op) {
      case "input":
      case "table":
      case "iota":
      case "full":
      case "reshape":
      case "transpose":
      case "broadcast":
      case "slice":
        break;
      case "dot": {
        const { left, axes } = operation;
        const depth = axes.left_contract.reduce((product, axis) => product * (nodes[left]?.shape[axis] ?? 1), 1);
        work += depth * sizeOf(shape);
        break;
      }
      case "reduce":
      case "argmax":
      case "cumsum":
        work += sizeOf(nodes[operation.from]?.shape ?? []);
        break;
      default:
        work += sizeOf(shape);
    }
  }
  return work;
}

/** An engine that adds up the work of what it runs. */
export function counting(engine: Engine): Engine & { readonly work: number; reset(): void } {
  let work = 0;
  return {
    name: engine.name,
    version: engine.version,
    device: engine.device,
    put: (data, shape) => engine.put(data, shape),
    read: (tensor) => engine.read(tensor),
    settle: (tensors) => engine.settle(tensors),
    prepare: (computation) => {
      const executable = engine.prepare(computation);
      return {
        run: (inputs, options) => {
          work += workOf(computation.program);
          return executable.run(inputs, options);
        },
        dispose: () => executable.dispose(),
      };
    },
    get work() {
      return work;
    },
    reset: () => {
      work = 0;
    },
  };
}
