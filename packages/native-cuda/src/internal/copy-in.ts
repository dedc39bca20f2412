import { type FileHandle, open } from "node:fs/promises";
import type { CopyOptions, CopySource, DeviceBuffer } from "../device-buffer.js";
import { CudaError } from "../errors.js";
import { requireRange } from "./checks.js";
import { settle, withStaging } from "./staging.js";

/** Puts the next bytes into `view` and says how many; 0 is the end. */
type Pull = (view: Uint8Array) => number | Promise<number>;

function isView(source: unknown): source is ArrayBufferView {
  return ArrayBuffer.isView(source);
}

function isIterable(source: unknown): source is AsyncIterable<Uint8Array> {
  return typeof source === "object" && source !== null && Symbol.asyncIterator in source;
}

/** An open file of `node:fs/promises`, which is not itself an iterable. */
export function isFileHandle(source: unknown): source is FileHandle {
  return typeof source === "object" && source !== null && "fd" in source && "read" in source && "stat" in source;
}

function pullView(view: ArrayBufferView): Pull {
  let done = 0;
  return (target) => {
    const rest = new Uint8Array(view.buffer, view.byteOffset + done, view.byteLength - done);
    const piece = rest.subarray(0, target.byteLength);
    target.set(piece);
    done += piece.byteLength;
    return piece.byteLength;
  };
}

/** `position` null: a pipe or a terminal, which has none. */
function pullFile(file: FileHandle, position: number | null, most: number): Pull {
  let done = 0;
  return async (target) => {
    const wanted = Math.min(target.byteLength, most - done);
    if (wanted === 0) return 0;
    const { bytesRead } = await file.read(target, 0, wanted, position === null ? null : position + done);
    done += bytesRead;
    return bytesRead;
  };
}

function pullChunks(chunks: AsyncIterator<Uint8Array>): Pull {
  let rest = new Uint8Array();
  return async (target) => {
    let filled = 0;
    while (filled < target.byteLength) {
      if (rest.byteLength === 0) {
        const next = await chunks.next();
        if (next.done === true) break;
        const chunk: unknown = next.value;
        if (!(chunk instanceof Uint8Array)) {
          throw new CudaError("invalid_argument", "source: expected chunks that are Uint8Arrays");
        }
        rest = chunk.slice();
      }
      const piece = rest.subarray(0, target.byteLength - filled);
      target.set(piece, filled);
      filled += piece.byteLength;
      rest = rest.subarray(piece.byteLength);
    }
    return filled;
  };
}

async function pump(buffer: DeviceBuffer, pull: Pull, options: CopyOptions): Promise<number> {
  const { offset = 0, stream, signal, onProgress } = options;
  let copied = 0;
  await withStaging(buffer.context, async (pair) => {
    for (let turn = 0; ; turn += 1) {
      const slot = pair[turn % 2 === 0 ? 0 : 1];
      await settle(slot);
      signal?.throwIfAborted();
      const bytes = await pull(slot.host.view);
      signal?.throwIfAborted();
      if (bytes === 0) return;
      requireRange(offset + copied, bytes, buffer.bytes, "a device buffer");
      buffer.copyFromHost(slot.host, { offset: offset + copied, bytes, ...(stream === undefined ? {} : { stream }) });
      slot.busy = true;
      slot.event.record(stream);
      copied += bytes;
      onProgress?.(copied);
    }
  });
  return copied;
}

async function copyFile(buffer: DeviceBuffer, file: FileHandle, options: CopyOptions): Promise<number> {
  const { offset = 0, file_offset = 0 } = options;
  const stats = await file.stat();
  const seekable = stats.isFile() || stats.isBlockDevice();
  const there = stats.isFile() ? Math.max(0, stats.size - file_offset) : undefined;
  const bytes = options.bytes ?? there ?? buffer.bytes - offset;
  requireRange(offset, bytes, buffer.bytes, "a device buffer");
  const copied = await pump(buffer, pullFile(file, seekable ? file_offset : null, bytes), options);
  if (copied < bytes && (options.bytes !== undefined || there !== undefined)) {
    throw new CudaError("out_of_range", `the file ended after ${copied} of ${bytes} bytes`, {
      details: { copied, bytes },
    });
  }
  return copied;
}

async function copyChunks(
  buffer: DeviceBuffer,
  source: AsyncIterable<Uint8Array>,
  options: CopyOptions,
): Promise<number> {
  const chunks = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    const copied = await pump(buffer, pullChunks(chunks), options);
    ended = true;
    return copied;
  } finally {
    if (!ended) await chunks.return?.();
  }
}

/** Copies into `buffer` from whatever it may come from. */
export async function copyIn(buffer: DeviceBuffer, source: CopySource, options: CopyOptions): Promise<number> {
  options.signal?.throwIfAborted();
  if (isView(source)) {
    requireRange(0, options.bytes ?? 0, source.byteLength, "the source");
    const bytes = options.bytes ?? source.byteLength;
    requireRange(options.offset ?? 0, bytes, buffer.bytes, "a device buffer");
    return await pump(buffer, pullView(new Uint8Array(source.buffer, source.byteOffset, bytes)), options);
  }
  if (typeof source === "string" || source instanceof URL) {
    const file = await open(source, "r");
    try {
      return await copyFile(buffer, file, options);
    } finally {
      await file.close();
    }
  }
  if (isFileHandle(source)) return await copyFile(buffer, source, options);
  if (isIterable(source)) return await copyChunks(buffer, source, options);
  throw new CudaError(
    "invalid_argument",
    "source: expected a view, the path of a file, an open file, or an async iterable of Uint8Arrays",
  );
}
