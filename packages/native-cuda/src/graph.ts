import type { Context } from "./context.js";
import { CudaError } from "./errors.js";
import type { GraphHandle, StreamHandle } from "./internal/addon-functions.js";
import { type CapturedObject, noteUse } from "./internal/captures.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import { Lifetime } from "./internal/lifetime.js";
import { addonFunctions } from "./native-addon.js";
import type { Stream } from "./stream.js";

/** Work that was captured from a stream and can be started as one, again and again. */
export class Graph extends Lifetime {
  readonly context: Context;
  /** Kernels, copies and fills in it. */
  readonly nodes: number;
  readonly #used: ReadonlySet<CapturedObject>;

  /** Made by `stream.capture()`. */
  constructor(context: Context, handle: GraphHandle, used: ReadonlySet<CapturedObject>) {
    super(`a graph on ${context.device.uuid}`, () => addonFunctions().dispose(handle));
    keepHandle(this, handle);
    this.context = context;
    this.nodes = addonFunctions().graphNodeCount(handle);
    this.#used = used;
  }

  /** Enqueues all of it. Throws `disposed` once something that it works on was disposed of. */
  launch(options: { readonly stream?: Stream } = {}): void {
    this.requireAlive();
    for (const object of this.#used) {
      if (object.disposed) {
        throw new CudaError("disposed", "this graph works on something that was disposed of: capture it again");
      }
    }
    const stream = options.stream === undefined ? null : handleOf<StreamHandle>(options.stream);
    addonFunctions().launchGraph(handleOf<GraphHandle>(this), stream);
    noteUse(options.stream, this, ...this.#used);
  }
}
