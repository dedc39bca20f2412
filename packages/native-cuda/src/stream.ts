import type { Context } from "./context.js";
import type { DeviceEvent } from "./device-event.js";
import { CudaError } from "./errors.js";
import { Graph } from "./graph.js";
import type { EventHandle, StreamHandle } from "./internal/addon-functions.js";
import { type Capture, beginCapture, captureOf, endCapture, joinCapture } from "./internal/captures.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import { Lifetime } from "./internal/lifetime.js";
import { addonFunctions } from "./native-addon.js";

/** A queue of work on a device: what is enqueued runs in order, in the background. */
export class Stream extends Lifetime {
  readonly context: Context;

  /** Made by `context.createStream()`. */
  constructor(context: Context, handle: StreamHandle) {
    super(`a stream on ${context.device.uuid}`, () => addonFunctions().dispose(handle));
    keepHandle(this, handle);
    this.context = context;
  }

  /** True when nothing is left to do. Throws what went wrong in the context. */
  get idle(): boolean {
    return addonFunctions().streamIsIdle(handleOf<StreamHandle>(this));
  }

  /** Resolves when everything enqueued until now is done; rejects with what went wrong in it. */
  async synchronize(): Promise<void> {
    await addonFunctions().streamWait(handleOf<StreamHandle>(this));
  }

  /** The same, blocking the event loop: for a measurement, or a program without one. */
  synchronizeBlocking(): void {
    addonFunctions().streamSynchronize(handleOf<StreamHandle>(this));
  }

  /** What is enqueued from now on waits for the event. */
  wait(event: DeviceEvent): void {
    addonFunctions().streamWaitEvent(handleOf<StreamHandle>(this), handleOf<EventHandle>(event));
    joinCapture(this, event);
  }

  /**
   * Records what `enqueue` puts on this stream instead of running it, and makes a graph of it: one call that starts all of
   * it again. Nothing may wait or copy synchronously meanwhile, and `enqueue` must be synchronous.
   */
  capture(enqueue: () => unknown): Graph {
    const addon = addonFunctions();
    const handle = handleOf<StreamHandle>(this);
    if (captureOf(this) !== undefined) throw new CudaError("invalid_capture", "this stream is being captured already");
    addon.beginCapture(handle);
    const capture: Capture = beginCapture(this);
    try {
      const result = enqueue();
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new CudaError("invalid_capture", "capture() takes a synchronous function: await before or after it");
      }
    } catch (error) {
      addon.abandonCapture(handle);
      throw error;
    } finally {
      endCapture(capture);
    }
    return new Graph(this.context, addon.endCapture(handle), capture.used);
  }
}
