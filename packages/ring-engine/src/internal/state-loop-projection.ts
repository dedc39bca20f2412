import type { RingConfig } from "../backend.js";
import type { JsonReader } from "./json-reader.js";
import { at } from "./vector.js";

/**
 * The state loop's projection of a golden, [D, dim] row-major. Recordings keep it under various names
 * (`state_loop_proj`, `state_loop.projection`, ...): any list whose path speaks of a state loop and a
 * projection is it. A nested [dim, D] is transposed. Null where there is none.
 */
export function readStateLoopProjection(
  reader: JsonReader,
  config: RingConfig,
): { readonly values: Float64Array; readonly dim: number } | null {
  const D = config.slot_dim;
  const isProjection = (path: string): boolean => /state_?loop/i.test(path) && /proj/i.test(path);
  const [pointer] = ["", "/steps/0"].flatMap((below) => reader.findLists(below, isProjection, 3));
  if (pointer === undefined) return null;
  const outer = reader.list(pointer);
  const nested = !reader.isNumber(`${pointer}/0`);
  const inner = nested ? reader.list(`${pointer}/0`) : 0;
  const dim = nested ? (outer === D ? inner : outer) : outer / D;
  if (!Number.isInteger(dim) || dim < 1 || (nested && outer !== D && inner !== D)) {
    reader.issue("wrong_length", pointer, `[${D}, dim]`, nested ? `[${outer}, ${inner}]` : `${outer} numbers`);
    return null;
  }
  const flat = reader.numbers(pointer, D * dim);
  if (flat.length === 0) return null;
  if (!nested || outer === D) return { values: flat, dim };
  return { values: flat.map((_, i) => at(flat, (i % dim) * D + Math.floor(i / dim))), dim };
}
