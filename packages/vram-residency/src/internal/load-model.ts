import type { FileHandle } from "node:fs/promises";
import type { Context, DeviceBuffer, VerityMeasurement } from "@vrx/native-cuda";
import { VramResidencyError, invalidInput } from "../errors.js";
import { HostDigest, type HostDigests } from "../host-digest.js";
import { type ModelBytes, type ModelSource, openModelSource } from "../model-source.js";
import type { Reservation, VramBudget } from "../vram-budget.js";
import { driverFailure } from "./driver-failure.js";
import { kernelTreeDigest, verityRefused } from "./expected-verity.js";

/** A model's bytes on the device, and what the host computed over them on the way. */
export interface LoadedModel {
  readonly buffer: DeviceBuffer;
  readonly reservation: Reservation;
  readonly digests: HostDigests;
  /** What the kernel has for the file; null where nobody asked. */
  readonly kernel_digest: string | null;
}

export interface LoadOptions {
  readonly context: Context;
  readonly budget: VramBudget;
  readonly label: string;
  /** How many bytes a stream will have, where that is known. */
  readonly bytes: number | null;
  /** The most that is taken. */
  readonly max_bytes: number;
  /** Told of every allocation, with its bytes. */
  readonly onAllocated: (bytes: number) => void;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((copied_bytes: number) => void) | undefined;
  /** Asks the kernel for the file's digest, before anything is allocated; null where nobody wants it. */
  readonly measureVerity: ((file: FileHandle) => Promise<VerityMeasurement>) | null;
}

/** Bytes of a piece: what is in host memory at any time is two of them and the pinned staging buffers. */
const PIECE_BYTES = 8 * 2 ** 20;

/** What a stream of unknown length begins with. */
const FIRST_BYTES = 64 * 2 ** 20;

/** A piece of device memory with what was reserved for it. */
class Held {
  readonly buffer: DeviceBuffer;
  readonly reservation: Reservation;

  constructor({ context, budget, label, onAllocated }: LoadOptions, bytes: number) {
    this.reservation = budget.reserve(bytes);
    try {
      this.buffer = context.alloc(bytes, { label, shareable: false });
    } catch (error) {
      this.reservation.release();
      throw driverFailure(error, "allocate");
    }
    this.reservation.allocated();
    onAllocated(bytes);
  }

  /** Wipes and gives back; never throws. */
  discard(): void {
    try {
      this.buffer.fill(0);
    } catch {
      // A lost device has nothing left to wipe.
    }
    try {
      this.buffer.dispose();
    } finally {
      this.reservation.release();
    }
  }
}

/**
 * Copies a model to the device in pieces. Every piece is hashed from the same host memory that it is copied from, while it
 * is copied, so that what was hashed is what was sent, whatever happens to the source meanwhile. A stream of unknown length
 * grows: it is moved within the device whenever it has filled what it has, and at the end into what it needs.
 */
export async function loadModel(source: ModelSource, options: LoadOptions): Promise<LoadedModel> {
  const { max_bytes, signal, onProgress } = options;
  await using model = await openModelSource(source, PIECE_BYTES);
  const known = model.bytes ?? options.bytes;
  if (known !== null) checkSize(known, max_bytes);
  const kernel_digest = await expectedOf(model, options);
  let held = new Held(options, known ?? firstBytes(options));
  let copied = 0;
  using host = new HostDigest();
  try {
    for await (const piece of model.pieces) {
      signal?.throwIfAborted();
      const end = copied + piece.length;
      if (end > (known ?? max_bytes)) throw tooLong(end, known, max_bytes);
      if (end > held.buffer.bytes)
        held = await grown(held, copied, Math.min(max_bytes, 2 * held.buffer.bytes), options);
      await Promise.all([
        held.buffer.copyFrom(piece, { offset: copied, ...(signal === undefined ? {} : { signal }) }),
        host.update(piece),
      ]);
      copied = end;
      onProgress?.(copied);
    }
    if (known !== null && copied < known) {
      throw invalidInput(`the model ended after ${copied} bytes; ${known} were announced`);
    }
    checkSize(copied, max_bytes);
    if (held.buffer.bytes > copied) held = await grown(held, copied, copied, options);
    return { buffer: held.buffer, reservation: held.reservation, digests: await host.finish(), kernel_digest };
  } catch (error) {
    held.discard();
    throw driverFailure(error, "copy");
  }
}

async function expectedOf({ file }: ModelBytes, { measureVerity }: LoadOptions): Promise<string | null> {
  if (measureVerity === null) return null;
  if (file === null) throw verityRefused("verity_not_a_file", "it is no file");
  return await kernelTreeDigest(file, measureVerity);
}

/** What a stream of unknown length begins with: no more than there is. */
function firstBytes({ budget, max_bytes }: LoadOptions): number {
  return Math.max(1, Math.min(FIRST_BYTES, max_bytes, budget.available_bytes));
}

/** Moves the first `copied` bytes into an allocation of another size, and wipes the old one. */
async function grown(held: Held, copied: number, bytes: number, options: LoadOptions): Promise<Held> {
  const next = new Held(options, bytes);
  try {
    if (copied > 0) next.buffer.copyFromBuffer(held.buffer, { bytes: copied });
    await options.context.synchronize();
  } catch (error) {
    next.discard();
    throw error;
  }
  held.discard();
  return next;
}

function checkSize(bytes: number, max_bytes: number): void {
  if (bytes === 0) throw invalidInput("the model is empty: expected at least one byte");
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > max_bytes) throw tooLong(bytes, null, max_bytes);
}

function tooLong(bytes: number, known: number | null, max_bytes: number): VramResidencyError {
  const message =
    known === null
      ? `the model has ${bytes} bytes or more; at most ${max_bytes} are taken (max_model_bytes)`
      : `the model has more than the ${known} bytes that were announced`;
  return new VramResidencyError("invalid_input", message, { details: { bytes } });
}
