import type { Context } from "../context.js";
import type { DeviceEvent } from "../device-event.js";
import type { HostBuffer } from "../host-buffer.js";

/** Bytes of one staging buffer: large enough for full speed over PCIe, small enough to lock without a thought. */
export const STAGING_BYTES = 4 << 20;

/** Page-locked memory and the event that says when the copy from or to it is done. */
export interface StagingSlot {
  readonly host: HostBuffer;
  readonly event: DeviceEvent;
  /** An enqueued copy may still be using it. */
  busy: boolean;
}

export type StagingPair = readonly [StagingSlot, StagingSlot];

/** One pair per context is kept for the next copy; a copy that finds it taken makes one of its own. */
const idle = new WeakMap<Context, StagingPair>();

function makeSlot(context: Context): StagingSlot {
  const host = context.allocHost(STAGING_BYTES);
  try {
    return { host, event: context.createEvent({ timing: false }), busy: false };
  } catch (error) {
    host.dispose();
    throw error;
  }
}

function disposePair(pair: readonly StagingSlot[]): void {
  for (const { host, event } of pair) {
    event.dispose();
    host.dispose();
  }
}

function takePair(context: Context): StagingPair {
  const kept = idle.get(context);
  if (kept !== undefined) {
    idle.delete(context);
    return kept;
  }
  const first = makeSlot(context);
  try {
    return [first, makeSlot(context)];
  } catch (error) {
    disposePair([first]);
    throw error;
  }
}

/** Waits until the slot may be used again. */
export async function settle(slot: StagingSlot): Promise<void> {
  if (!slot.busy) return;
  await slot.event.synchronize();
  slot.busy = false;
}

/** Runs `copy` with two staging buffers of its own, and lets go of them only when the device is done with them. */
export async function withStaging<T>(context: Context, copy: (pair: StagingPair) => Promise<T>): Promise<T> {
  const pair = takePair(context);
  let whole = false;
  try {
    const result = await copy(pair);
    for (const slot of pair) await settle(slot);
    whole = true;
    return result;
  } finally {
    if (!whole) await Promise.allSettled(pair.map(settle));
    if (whole && !idle.has(context) && !context.disposed) idle.set(context, pair);
    else disposePair(pair);
  }
}

/** Gives the kept pair back: a context that ends takes it along. */
export function dropStaging(context: Context): void {
  const pair = idle.get(context);
  idle.delete(context);
  if (pair !== undefined) disposePair(pair);
}
