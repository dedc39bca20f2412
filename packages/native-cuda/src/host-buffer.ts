import { markAsUntransferable } from "node:worker_threads";
import type { Context } from "./context.js";
import type { HostMemoryHandle } from "./internal/addon-functions.js";
import { keepHandle } from "./internal/handles.js";
import { Lifetime } from "./internal/lifetime.js";
import { addonFunctions } from "./native-addon.js";

/**
 * Page-locked memory of the host. `view` is the memory itself; after `dispose()` it is empty. Do not touch it between an
 * enqueued copy and the end of it.
 */
export class HostBuffer extends Lifetime {
  readonly context: Context;
  readonly bytes: number;
  readonly view: Uint8Array;

  /** Made by `context.allocHost()`. */
  constructor(context: Context, made: { readonly handle: HostMemoryHandle; readonly memory: ArrayBuffer }) {
    super(`a host buffer of ${made.memory.byteLength} bytes`, () => addonFunctions().dispose(made.handle));
    keepHandle(this, made.handle);
    // In another thread it would outlive the memory behind it.
    markAsUntransferable(made.memory);
    this.context = context;
    this.bytes = made.memory.byteLength;
    this.view = new Uint8Array(made.memory);
  }
}
