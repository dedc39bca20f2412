import { CudaError } from "../errors.js";
import type { AnyHandle } from "./addon-functions.js";

/**
 * The addon's object behind each of ours. It is kept here, not in a property, so that nobody outside of this package
 * can take it.
 */
const handles = new WeakMap<object, AnyHandle>();

/** Remembers the addon's object behind `owner`. */
export function keepHandle(owner: object, handle: AnyHandle): void {
  handles.set(owner, handle);
}

/** The addon's object behind `owner`; the addon itself refuses what was disposed of. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows what kind its owner has
export function handleOf<H extends AnyHandle>(owner: object): H {
  const handle = handles.get(owner);
  if (handle === undefined) {
    throw new CudaError("invalid_argument", "expected an object made by this copy of @vrx/native-cuda");
  }
  return handle as H;
}
