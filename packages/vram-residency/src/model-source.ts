import { type FileHandle, open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { VramResidencyError, invalidInput } from "./errors.js";

/** Where a model's bytes come from: memory, a file, or chunks as they arrive. */
export type ModelSource = ArrayBufferView | string | URL | AsyncIterable<Uint8Array>;

/** The bytes in pieces that nobody else can change, and how many there will be; null where that is not known. */
export interface ModelBytes extends AsyncDisposable {
  readonly bytes: number | null;
  /** The open file that the pieces are read from; null where there is none. */
  readonly file: FileHandle | null;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** Opens a source. Pieces have `piece_bytes` bytes but for the last; each is a copy of its own. */
export async function openModelSource(source: ModelSource, piece_bytes: number): Promise<ModelBytes> {
  if (typeof source === "string" || source instanceof URL) return await openFile(source, piece_bytes);
  if (ArrayBuffer.isView(source)) {
    const view = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    return {
      bytes: view.length,
      file: null,
      pieces: piecesOfView(view, piece_bytes),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const pieces = piecesOfChunks(source, piece_bytes);
  return { bytes: null, file: null, pieces, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function openFile(path: string | URL, piece_bytes: number): Promise<ModelBytes> {
  const name = path instanceof URL ? fileURLToPath(path) : path;
  let file: FileHandle;
  try {
    file = await open(name, "r");
  } catch (error) {
    throw new VramResidencyError("invalid_input", `the model file ${name} cannot be opened`, { cause: error });
  }
  const facts = await file.stat();
  if (!facts.isFile()) {
    await file.close();
    throw invalidInput(`${name} is no regular file`);
  }
  const { size } = facts;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < size;) {
      const piece = Buffer.allocUnsafeSlow(Math.min(piece_bytes, size - at));
      for (let filled = 0; filled < piece.length;) {
        const { bytesRead } = await file.read(piece, filled, piece.length - filled, at + filled);
        if (bytesRead === 0) throw invalidInput(`${name} became shorter while it was read`);
        filled += bytesRead;
      }
      at += piece.length;
      yield piece;
    }
  }
  return { bytes: size, file, pieces: pieces(), [Symbol.asyncDispose]: () => file.close() };
}

// eslint-disable-next-line @typescript-eslint/require-await -- pieces of all sources are asked for in the same way
async function* piecesOfView(view: Uint8Array, piece_bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < view.length; at += piece_bytes) yield view.slice(at, at + piece_bytes);
}

async function* piecesOfChunks(chunks: AsyncIterable<Uint8Array>, piece_bytes: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(piece_bytes);
  let filled = 0;
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      throw invalidInput(`expected chunks of bytes, found ${typeof chunk}`);
    }
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.subarray(at, at + piece_bytes - filled);
      piece.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < piece_bytes) continue;
      yield piece;
      piece = new Uint8Array(piece_bytes);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
