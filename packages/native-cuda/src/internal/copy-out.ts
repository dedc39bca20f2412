import { type FileHandle, open } from "node:fs/promises";
import type { CopyOptions, CopyTarget, DeviceBuffer } from "../device-buffer.js";
import { CudaError } from "../errors.js";
import { requireCount, requireRange } from "./checks.js";
import { isFileHandle } from "./copy-in.js";
import { STAGING_BYTES, type StagingSlot, settle, withStaging } from "./staging.js";

/** Takes bytes that came from the device; they are overwritten afterwards. */
type Push = (bytes: Uint8Array, position: number) => void | Promise<void>;

/** Copies `bytes` bytes out piece by piece: while one piece is taken, the next is on its way. */
async function drain(buffer: DeviceBuffer, bytes: number, push: Push, options: CopyOptions): Promise<number> {
  const { offset = 0, stream, signal, onProgress } = options;
  requireRange(offset, bytes, buffer.bytes, "a device buffer");
  await withStaging(buffer.context, async (pair) => {
    const start = (slot: StagingSlot, position: number): number => {
      const count = Math.min(STAGING_BYTES, bytes - position);
      if (count <= 0) return 0;
      buffer.copyToHost(slot.host, {
        offset: offset + position,
        bytes: count,
        ...(stream === undefined ? {} : { stream }),
      });
      slot.busy = true;
      slot.event.record(stream);
      return count;
    };
    let [current, next] = [pair[0], pair[1]];
    let count = start(current, 0);
    for (let position = 0; count > 0;) {
      const following = start(next, position + count);
      await settle(current);
      signal?.throwIfAborted();
      await push(current.host.view.subarray(0, count), position);
      position += count;
      onProgress?.(position);
      [current, next] = [next, current];
      count = following;
    }
  });
  return bytes;
}

async function writeFile(buffer: DeviceBuffer, file: FileHandle, options: CopyOptions): Promise<number> {
  const { offset = 0, file_offset = 0 } = options;
  const push: Push = async (bytes, position) => {
    for (let done = 0; done < bytes.byteLength;) {
      const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, file_offset + position + done);
      done += bytesWritten;
    }
  };
  return await drain(buffer, options.bytes ?? buffer.bytes - offset, push, options);
}

/** Copies out of `buffer` to wherever it may go. */
export async function copyOut(buffer: DeviceBuffer, target: CopyTarget, options: CopyOptions): Promise<number> {
  options.signal?.throwIfAborted();
  if (ArrayBuffer.isView(target)) {
    const bytes = options.bytes ?? target.byteLength;
    requireRange(0, bytes, target.byteLength, "the target");
    const push: Push = (piece, position) =>
      new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(piece, position);
    return await drain(buffer, bytes, push, options);
  }
  const { offset = 0 } = options;
  // Before a file is overwritten.
  requireRange(offset, options.bytes ?? buffer.bytes - offset, buffer.bytes, "a device buffer");
  if (typeof target === "string" || target instanceof URL) {
    const file = await open(target, "w");
    try {
      return await writeFile(buffer, file, options);
    } finally {
      await file.close();
    }
  }
  if (isFileHandle(target)) return await writeFile(buffer, target, options);
  throw new CudaError("invalid_argument", "target: expected a view, the path of a file, or an open file");
}

/** The bytes of a buffer in chunks, each a copy. */
export async function* readChunks(
  buffer: DeviceBuffer,
  options: CopyOptions & { readonly chunk_bytes?: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { offset = 0, chunk_bytes = STAGING_BYTES } = options;
  requireCount(chunk_bytes, "chunk_bytes", { least: 1 });
  const bytes = options.bytes ?? buffer.bytes - offset;
  requireRange(offset, bytes, buffer.bytes, "a device buffer");
  for (let position = 0; position < bytes; position += chunk_bytes) {
    const chunk = new Uint8Array(Math.min(chunk_bytes, bytes - position));
    const { stream, signal } = options;
    await copyOut(buffer, chunk, {
      offset: offset + position,
      ...(stream === undefined ? {} : { stream }),
      ...(signal === undefined ? {} : { signal }),
    });
    options.onProgress?.(position + chunk.byteLength);
    yield chunk;
  }
}
