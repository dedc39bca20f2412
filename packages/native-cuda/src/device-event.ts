import type { Context } from "./context.js";
import { CudaError } from "./errors.js";
import type { EventHandle, StreamHandle } from "./internal/addon-functions.js";
import { joinCapture } from "./internal/captures.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import { Lifetime } from "./internal/lifetime.js";
import { addonFunctions } from "./native-addon.js";
import type { Stream } from "./stream.js";

/** A mark in a stream: signals that what came before it is done, orders streams, and measures time on the device. */
export class DeviceEvent extends Lifetime {
  readonly context: Context;
  /** Does it measure time? */
  readonly timing: boolean;

  /** Made by `context.createEvent()`. */
  constructor(context: Context, handle: EventHandle, timing: boolean) {
    super(`an event on ${context.device.uuid}`, () => addonFunctions().dispose(handle));
    keepHandle(this, handle);
    this.context = context;
    this.timing = timing;
  }

  /** Marks the end of what is enqueued now. */
  record(stream?: Stream): void {
    addonFunctions().recordEvent(
      handleOf<EventHandle>(this),
      stream === undefined ? null : handleOf<StreamHandle>(stream),
    );
    joinCapture(this, stream);
  }

  /** True when everything before the mark is done, and before the first `record`. */
  get done(): boolean {
    return addonFunctions().eventIsDone(handleOf<EventHandle>(this));
  }

  /** Resolves when everything before the mark is done; rejects with what went wrong in it. */
  async synchronize(): Promise<void> {
    await addonFunctions().eventWait(handleOf<EventHandle>(this));
  }

  /** Milliseconds on the device between two marks that are done, in steps of about half a microsecond. */
  elapsedSince_ms(start: DeviceEvent): number {
    if (!this.timing || !start.timing) {
      throw new CudaError("invalid_argument", "an event made with { timing: false } measures no time");
    }
    return addonFunctions().eventElapsed(handleOf<EventHandle>(start), handleOf<EventHandle>(this));
  }
}
