import type { FileHandle } from "node:fs/promises";
import type { Context } from "./context.js";
import { CudaError } from "./errors.js";
import type { HostBuffer } from "./host-buffer.js";
import type { BufferHandle, HostMemoryHandle, StreamHandle } from "./internal/addon-functions.js";
import { noteUse } from "./internal/captures.js";
import { requireCount, requireRange } from "./internal/checks.js";
import { copyIn } from "./internal/copy-in.js";
import { copyOut, readChunks } from "./internal/copy-out.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import { Lifetime } from "./internal/lifetime.js";
import { addonFunctions } from "./native-addon.js";
import { type PointerFacts, pointerFacts } from "./pointer-facts.js";
import { type BufferExport, exportBuffer } from "./share-buffer.js";
import type { Stream } from "./stream.js";
import { type TreeRangeOptions, hashBufferTree } from "./tree-hash-device.js";
import type { TreeHash } from "./tree-hash.js";

/** What the bytes of a buffer may come from: memory, a file (a path or an open one), or chunks as they arrive. */
export type CopySource = ArrayBufferView | string | URL | FileHandle | AsyncIterable<Uint8Array>;
/** Where they may go. A path names a file that is created or overwritten. */
export type CopyTarget = ArrayBufferView | string | URL | FileHandle;

/** Which part, in which order with other work. */
export interface RangeOptions {
  /** First byte in the device buffer; 0. */
  readonly offset?: number;
  /** How many; by default all that the other side has or, where it has no size, the rest of the buffer. */
  readonly bytes?: number;
  /** Comes after what is on this stream. */
  readonly stream?: Stream;
}

/** What the copies that wait take. */
export interface CopyOptions extends RangeOptions {
  /** First byte in the file; by default its start. */
  readonly file_offset?: number;
  readonly signal?: AbortSignal;
  /** Called after every piece with the bytes that have arrived. */
  readonly onProgress?: (copied_bytes: number) => void;
}

/** What `copyFromHost` and `copyToHost` take. */
export interface HostRangeOptions extends RangeOptions {
  /** First byte in the host buffer; 0. */
  readonly host_offset?: number;
}

interface BufferOrigin {
  readonly label?: string | null;
  readonly access?: "read" | "read_write";
  readonly read_only_enforced?: boolean;
}

/**
 * A piece of a device's memory. Where it is is not to be seen from JavaScript; every access is checked against its size.
 * `dispose()` gives it back once the work under way is done with it.
 */
export class DeviceBuffer extends Lifetime {
  readonly context: Context;
  readonly bytes: number;
  readonly label: string | null;
  /** `read` for an import that may not be written to. */
  readonly access: "read" | "read_write";
  /** True where the driver itself refuses writes, of kernels too. */
  readonly read_only_enforced: boolean;

  /** Made by `context.alloc()` and `importBuffer()`. */
  constructor(
    context: Context,
    allocation: { readonly bytes: number; readonly handle: BufferHandle },
    release: () => void,
    origin: BufferOrigin = {},
  ) {
    const name = origin.label === undefined || origin.label === null ? "" : ` (${origin.label})`;
    super(`a device buffer of ${allocation.bytes} bytes on ${context.device.uuid}${name}`, release);
    keepHandle(this, allocation.handle);
    this.context = context;
    this.bytes = allocation.bytes;
    this.label = origin.label ?? null;
    this.access = origin.access ?? "read_write";
    this.read_only_enforced = origin.read_only_enforced ?? false;
  }

  /**
   * Copies into the buffer, off the event loop, through two page-locked staging buffers. Resolves to the bytes copied when
   * they are on the device. What does not fit is `out_of_range`; for chunks that is found when they arrive.
   */
  async copyFrom(source: CopySource, options: CopyOptions = {}): Promise<number> {
    this.#requireWritable();
    return await copyIn(this, source, options);
  }

  /** Copies out of the buffer, in the same way. Resolves to the bytes copied. */
  async copyTo(target: CopyTarget, options: CopyOptions = {}): Promise<number> {
    this.requireAlive();
    return await copyOut(this, target, options);
  }

  /** The bytes as they come from the device, each chunk a copy of its own. */
  chunks(options: CopyOptions & { readonly chunk_bytes?: number } = {}): AsyncIterable<Uint8Array> {
    this.requireAlive();
    return readChunks(this, options);
  }

  /** Copies a view into the buffer and blocks until it is there: for a few bytes, or a program without an event loop. */
  copyFromSync(source: ArrayBufferView, { offset = 0, stream }: RangeOptions = {}): void {
    this.#requireWritable();
    requireRange(offset, source.byteLength, this.bytes, "a device buffer");
    addonFunctions().write(handleOf<BufferHandle>(this), offset, source, streamHandle(stream));
  }

  /** Fills a view from the buffer and blocks until it is there. */
  copyToSync(target: ArrayBufferView, { offset = 0, stream }: RangeOptions = {}): void {
    this.requireAlive();
    requireRange(offset, target.byteLength, this.bytes, "a device buffer");
    addonFunctions().read(handleOf<BufferHandle>(this), offset, target, streamHandle(stream));
  }

  /** Enqueues a copy from page-locked memory, which must not change before it is done. */
  copyFromHost(source: HostBuffer, options: HostRangeOptions = {}): void {
    this.#requireWritable();
    const { offset, host_offset, bytes } = this.#hostRange(source, options);
    const handle = handleOf<HostMemoryHandle>(source);
    addonFunctions().writeHost(
      handleOf<BufferHandle>(this),
      offset,
      handle,
      host_offset,
      bytes,
      streamHandle(options.stream),
    );
    noteUse(options.stream, this, source);
  }

  /** Enqueues a copy to page-locked memory. */
  copyToHost(target: HostBuffer, options: HostRangeOptions = {}): void {
    this.requireAlive();
    const { offset, host_offset, bytes } = this.#hostRange(target, options);
    const handle = handleOf<HostMemoryHandle>(target);
    addonFunctions().readHost(
      handleOf<BufferHandle>(this),
      offset,
      handle,
      host_offset,
      bytes,
      streamHandle(options.stream),
    );
    noteUse(options.stream, this, target);
  }

  /** Enqueues a copy from another buffer, of this device or another. */
  copyFromBuffer(source: DeviceBuffer, options: RangeOptions & { readonly source_offset?: number } = {}): void {
    this.#requireWritable();
    source.requireAlive();
    const { offset = 0, source_offset = 0, stream } = options;
    const bytes = options.bytes ?? source.bytes - source_offset;
    requireRange(offset, bytes, this.bytes, "the target");
    requireRange(source_offset, bytes, source.bytes, "the source");
    const [to, from] = [handleOf<BufferHandle>(this), handleOf<BufferHandle>(source)];
    addonFunctions().copyBuffer(to, offset, from, source_offset, bytes, streamHandle(stream));
    noteUse(stream, this, source);
  }

  /** Enqueues filling with one value of 1, 2 or 4 bytes; offset and bytes must be multiples of that width. */
  fill(value: number, options: RangeOptions & { readonly width?: 1 | 2 | 4 } = {}): void {
    this.#requireWritable();
    const { width = 1, offset = 0, stream } = options;
    const bytes = options.bytes ?? this.bytes - offset;
    requireCount(value, "value", { most: 2 ** (8 * width) - 1 });
    requireRange(offset, bytes, this.bytes, "a device buffer");
    if (offset % width !== 0 || bytes % width !== 0) {
      throw new CudaError("invalid_argument", `offset and bytes: expected multiples of ${width}`);
    }
    addonFunctions().fill(handleOf<BufferHandle>(this), offset, bytes / width, width, value, streamHandle(stream));
    noteUse(stream, this);
  }

  /**
   * Hashes the bytes where they lie: the digest is what `fsverity digest` prints for a file with them. For many hashes keep a
   * `TreeHasher`, which loads its kernel once.
   */
  async treeHash(options: TreeRangeOptions = {}): Promise<TreeHash> {
    this.requireAlive();
    return await hashBufferTree(this, options);
  }

  /** What the driver says of the memory. */
  facts(): PointerFacts {
    return pointerFacts(addonFunctions().bufferFacts(handleOf<BufferHandle>(this)));
  }

  /**
   * A handle by which another process can import the buffer: a descriptor for what was allocated as `shareable`, a legacy
   * IPC handle otherwise. `offerBuffer` hands it over through a socket.
   */
  export(): BufferExport {
    return exportBuffer(this);
  }

  #requireWritable(): void {
    this.requireAlive();
    if (this.access === "read") throw new CudaError("permission", "this buffer was imported for reading only");
  }

  #hostRange(host: HostBuffer, { offset = 0, host_offset = 0, bytes }: HostRangeOptions) {
    const count = bytes ?? Math.min(this.bytes - offset, host.bytes - host_offset);
    requireRange(offset, count, this.bytes, "a device buffer");
    requireRange(host_offset, count, host.bytes, "a host buffer");
    return { offset, host_offset, bytes: count };
  }
}

function streamHandle(stream: Stream | undefined): StreamHandle | null {
  return stream === undefined ? null : handleOf<StreamHandle>(stream);
}
