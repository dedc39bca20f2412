import { ExperimentError } from "../errors.js";
import type { Shape } from "./program.js";

/** A shape as people write it: `[8, 64]`. */
export function show(shape: Shape): string {
  return shape.length === 0 ? "a scalar" : `[${shape.join(", ")}]`;
}

/** Shapes that do not go together in an operation. */
export function mismatch(what: string, a: Shape, b: Shape): ExperimentError {
  return new ExperimentError("shape_mismatch", `${what}: the shapes ${show(a)} and ${show(b)} do not go together`, {
    details: { what, left: a, right: b },
  });
}

/** Whether two shapes are one. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** An axis counted from the front; negative ones count from the back. Throws `shape_mismatch` where there is none. */
export function axisOf(axis: number, shape: Shape): number {
  const at = axis < 0 ? axis + shape.length : axis;
  if (Number.isInteger(at) && at >= 0 && at < shape.length) return at;
  throw new ExperimentError("shape_mismatch", `there is no axis ${axis} in ${show(shape)}`);
}

/** What NumPy makes of two shapes: sizes of 1 stretch. Throws `shape_mismatch` where others differ. */
export function broadcastShapes(what: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) throw mismatch(what, a, b);
    return Math.max(left, right);
  });
}
