import type { Context } from "./context.js";
import type { DeviceBuffer } from "./device-buffer.js";
import { CudaError } from "./errors.js";
import { requireCount, requireRange } from "./internal/checks.js";
import { Lifetime } from "./internal/lifetime.js";
import type { KernelModule } from "./kernel-module.js";
import type { Kernel } from "./kernel.js";
import { kernelFolders, loadPackagedKernels } from "./packaged-kernels.js";
import type { Stream } from "./stream.js";
import {
  TREE_BLOCK_BYTES,
  TREE_DIGEST_BYTES,
  TREE_FANOUT,
  type TreeHash,
  checkSalt,
  treeBlocks,
  treeHash,
} from "./tree-hash.js";
import { type TreeLaunch, type TreeRange, planTrees } from "./tree-hash-plan.js";

const leavesKinds = ["buffer", "buffer", "u32", "buffer", "u32", "u64", "buffer", "u32", "u32", "buffer"] as const;
const compareKinds = ["buffer", "buffer", "u64", "buffer"] as const;

const BLOCK_THREADS = 128;
/** Data between two looks at the signal; its digests take a 128th of it. */
const PIECE_BLOCKS = 2 ** 20;
/** What SHA-256 starts from without a salt (FIPS 180-4, 5.3.3), as the kernel reads it. */
const INITIAL_STATE = Buffer.from("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19", "hex");

/** What all hashes of device memory take. */
export interface DeviceTreeOptions {
  /** At most 32 bytes. */
  readonly salt?: Uint8Array;
  readonly signal?: AbortSignal;
  /** The hash comes after what is on this stream; by default after everything that names no stream. */
  readonly stream?: Stream;
}

/** Which bytes of a buffer; by default all of them. */
export interface TreeRangeOptions extends DeviceTreeOptions {
  readonly offset?: number;
  readonly bytes?: number;
}

/**
 * Hashes bytes where they lie, in memory of a device, without copying them to the host. It holds the kernels and a little
 * memory of its context until `dispose()`.
 */
export class TreeHasher extends Lifetime {
  readonly context: Context;
  readonly #leaves: Kernel<typeof leavesKinds>;
  readonly #compare: Kernel<typeof compareKinds>;
  readonly #piece_blocks: number;

  /** Made by `openTreeHasher()`. */
  constructor(context: Context, module: KernelModule, piece_blocks: number) {
    super(`a tree hasher on ${context.device.uuid}`, () => module.dispose());
    this.context = context;
    this.#leaves = module.kernel("vrx_tree_leaves", leavesKinds);
    this.#compare = module.kernel("vrx_tree_compare", compareKinds);
    this.#piece_blocks = piece_blocks;
  }

  /** The tree over bytes of a buffer: what `fsverity digest` prints for a file with them. */
  async hash(buffer: DeviceBuffer, { offset = 0, bytes, ...options }: TreeRangeOptions = {}): Promise<TreeHash> {
    const [tree] = await this.hashRanges(buffer, [{ offset, bytes: bytes ?? buffer.bytes - offset }], options);
    if (tree === undefined) throw new CudaError("driver_error", "no tree was made");
    return tree;
  }

  /** A tree for each of many ranges, such as the tensors of a model, at the cost of one over all their bytes. */
  async hashRanges(
    buffer: DeviceBuffer,
    ranges: readonly TreeRange[],
    { salt, signal, stream }: DeviceTreeOptions = {},
  ): Promise<TreeHash[]> {
    this.requireAlive();
    this.#requireOwn(buffer);
    const key = checkSalt(salt);
    for (const { offset, bytes } of ranges) requireRange(offset, bytes, buffer.bytes, "a device buffer");
    signal?.throwIfAborted();
    const plan = planTrees(ranges, this.#piece_blocks);
    if (plan.steps.length === 0) return ranges.map(() => treeHash(new Uint8Array(TREE_DIGEST_BYTES), 0, key));

    const held = new Held();
    try {
      const table = held.take(this.context.alloc(plan.table.byteLength, { label: "tree hash, table" }));
      const scratch = held.take(this.context.alloc(plan.scratch_bytes, { label: "tree hash, digests" }));
      table.copyFromSync(plan.table, streamOption(stream));
      const start = this.#start(held, key, stream);
      // One step runs while the next one is being enqueued; no more, so that an abort is soon heard.
      const marks = [
        held.take(this.context.createEvent({ timing: false })),
        held.take(this.context.createEvent({ timing: false })),
      ];
      for (const [i, { launches }] of plan.steps.entries()) {
        for (const launch of launches) this.#launch(launch, buffer, scratch, table, start, key, stream);
        marks[i % 2]?.record(stream);
        if (i > 0) await marks[(i + 1) % 2]?.synchronize();
        signal?.throwIfAborted();
      }
      await marks[(plan.steps.length + 1) % 2]?.synchronize();
      const digests = new Uint8Array(TREE_DIGEST_BYTES);
      return ranges.map(({ bytes }, i) => {
        const at = plan.roots[i] ?? -1;
        if (at < 0) return treeHash(new Uint8Array(TREE_DIGEST_BYTES), bytes, key);
        scratch.copyToSync(digests, { offset: at, ...streamOption(stream) });
        return treeHash(digests, bytes, key);
      });
    } finally {
      await held.release(stream, this.context);
    }
  }

  /**
   * Digests of single blocks of the tree over bytes of a buffer, by their numbers: 32 bytes each, in the order given. For
   * a sample of a buffer whose digests are known.
   */
  async hashBlocks(
    buffer: DeviceBuffer,
    blocks: readonly number[],
    { offset = 0, bytes, salt, signal, stream }: TreeRangeOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    this.requireAlive();
    this.#requireOwn(buffer);
    const key = checkSalt(salt);
    const size = bytes ?? buffer.bytes - offset;
    requireRange(offset, size, buffer.bytes, "a device buffer");
    const count = treeBlocks(size);
    for (const block of blocks) requireCount(block, "a block's number", { most: count - 1 });
    signal?.throwIfAborted();
    const digests = new Uint8Array(TREE_DIGEST_BYTES * blocks.length);
    if (blocks.length === 0) return digests;
    const held = new Held();
    try {
      const table = held.take(this.context.alloc(32 + 8 * blocks.length, { label: "tree hash, table" }));
      const out = held.take(this.context.alloc(digests.byteLength, { label: "tree hash, digests" }));
      table.copyFromSync(BigUint64Array.from([offset, size, 0, 0, ...blocks].map(BigInt)), streamOption(stream));
      const start = this.#start(held, key, stream);
      this.#leaves.launch(
        { grid: gridOf(blocks.length), block: BLOCK_THREADS, ...streamOption(stream) },
        ...([buffer, table, 1, { buffer: table, offset: 32 }, 1, blocks.length, start] as const),
        ...([TREE_BLOCK_BYTES, messageBytes(key), out] as const),
      );
      await this.#wait(stream);
      out.copyToSync(digests, streamOption(stream));
      return digests;
    } finally {
      await held.release(stream, this.context);
    }
  }

  /**
   * Digests of all blocks of the tree over bytes of a buffer, left on the device: 32 bytes each in `into`. A 128th of the
   * bytes; kept, it says later which blocks have changed.
   */
  async hashAllBlocks(
    buffer: DeviceBuffer,
    into: DeviceBuffer,
    { offset = 0, bytes, salt, signal, stream }: TreeRangeOptions = {},
  ): Promise<void> {
    this.requireAlive();
    this.#requireOwn(buffer);
    const key = checkSalt(salt);
    const size = bytes ?? buffer.bytes - offset;
    requireRange(offset, size, buffer.bytes, "a device buffer");
    const count = treeBlocks(size);
    this.#requireOwn(into);
    requireRange(0, count * TREE_DIGEST_BYTES, into.bytes, "the buffer for the digests");
    signal?.throwIfAborted();
    if (count === 0) return;
    const held = new Held();
    try {
      const table = held.take(this.context.alloc(32, { label: "tree hash, table" }));
      table.copyFromSync(BigUint64Array.from([offset, size, 0, 0].map(BigInt)), streamOption(stream));
      const start = this.#start(held, key, stream);
      this.#leaves.launch(
        { grid: gridOf(count), block: BLOCK_THREADS, ...streamOption(stream) },
        ...([buffer, table, 1, null, 0, count, start, TREE_BLOCK_BYTES, messageBytes(key), into] as const),
      );
      await this.#wait(stream);
    } finally {
      await held.release(stream, this.context);
    }
  }

  /** The number of the first of `count` digests in which two lists of them differ; null where they are the same. */
  async firstDifference(
    a: DeviceBuffer,
    b: DeviceBuffer,
    count: number,
    { stream }: Pick<DeviceTreeOptions, "stream"> = {},
  ): Promise<number | null> {
    this.requireAlive();
    this.#requireOwn(a, b);
    requireCount(count, "count");
    for (const list of [a, b]) requireRange(0, count * TREE_DIGEST_BYTES, list.bytes, "a list of digests");
    if (count === 0) return null;
    const held = new Held();
    try {
      const first = held.take(this.context.alloc(8, { label: "tree hash, difference" }));
      first.fill(0xff, streamOption(stream));
      this.#compare.launch({ grid: gridOf(count), block: BLOCK_THREADS, ...streamOption(stream) }, a, b, count, first);
      await this.#wait(stream);
      const found = new BigUint64Array(1);
      first.copyToSync(found, streamOption(stream));
      return found[0] === 0xffff_ffff_ffff_ffffn ? null : Number(found[0]);
    } finally {
      await held.release(stream, this.context);
    }
  }

  /** The kernel runs in one context: memory of another device is not to be reached from there. */
  #requireOwn(...buffers: readonly DeviceBuffer[]): void {
    for (const { context } of buffers) {
      if (context.device === this.context.device) continue;
      const [own, other] = [this.context.device.uuid, context.device.uuid];
      throw new CudaError(
        "invalid_argument",
        `expected a buffer of ${own}, where the hasher is, found one of ${other}`,
      );
    }
  }

  /** A buffer with the state that every block's hash goes on from: SHA-256's own, or that after the padded salt. */
  #start(held: Held, salt: Uint8Array, stream: Stream | undefined): DeviceBuffer {
    const initial = held.take(this.context.alloc(TREE_DIGEST_BYTES, { label: "tree hash, start" }));
    initial.copyFromSync(INITIAL_STATE, streamOption(stream));
    if (salt.byteLength === 0) return initial;
    const state = held.take(this.context.alloc(TREE_DIGEST_BYTES, { label: "tree hash, start" }));
    const padded = Buffer.concat([salt], 64);
    const source = held.take(this.context.alloc(96, { label: "tree hash, salt" }));
    source.copyFromSync(padded, streamOption(stream));
    source.copyFromSync(BigUint64Array.from([0n, 64n, 0n, 0n]), { offset: 64, ...streamOption(stream) });
    this.#leaves.launch(
      { grid: 1, block: 32, ...streamOption(stream) },
      ...([source, { buffer: source, offset: 64 }, 1, null, 0, 1, initial, 64, 0, state] as const),
    );
    return state;
  }

  #launch(
    { source, first, entries, blocks }: TreeLaunch,
    data: DeviceBuffer,
    scratch: DeviceBuffer,
    table: DeviceBuffer,
    start: DeviceBuffer,
    salt: Uint8Array,
    stream: Stream | undefined,
  ): void {
    const from = source === "data" ? data : scratch;
    this.#leaves.launch(
      { grid: gridOf(blocks), block: BLOCK_THREADS, ...streamOption(stream) },
      ...([from, { buffer: table, offset: 32 * first }, entries, null, 0, blocks, start] as const),
      ...([TREE_BLOCK_BYTES, messageBytes(salt), scratch] as const),
    );
  }

  async #wait(stream: Stream | undefined): Promise<void> {
    if (stream !== undefined) await stream.synchronize();
    else await this.context.synchronize();
  }
}

/** Frees in the order opposite to that of taking, when the device is done with all of it. */
class Held {
  readonly #held: { dispose(): void }[] = [];

  take<T extends { dispose(): void }>(object: T): T {
    this.#held.push(object);
    return object;
  }

  async release(stream: Stream | undefined, context: Context): Promise<void> {
    try {
      // After an abort or a failure the device may still be at work on them.
      await (stream ?? context).synchronize();
    } catch {
      // What went wrong has been reported, or is by the next call.
    } finally {
      for (const object of this.#held.reverse()) object.dispose();
    }
  }
}

function gridOf(blocks: number): number {
  return Math.ceil(blocks / BLOCK_THREADS);
}

/** Bytes of the message that each block's hash is of: they are part of its padding. */
function messageBytes(salt: Uint8Array): number {
  return TREE_BLOCK_BYTES + (salt.byteLength > 0 ? 64 : 0);
}

function streamOption(stream: Stream | undefined): { readonly stream?: Stream } {
  return stream === undefined ? {} : { stream };
}

/** The kernels of this package; its root lies one level above `src` and `dist` alike. */
const kernels = kernelFolders(new URL("../", import.meta.url));

/**
 * Loads the hash's kernel onto the context's device. `piece_blocks`, a multiple of 128, is how many blocks are hashed
 * between two looks at a signal; its digests take 32 bytes a block of scratch memory.
 */
export async function openTreeHasher(
  context: Context,
  { piece_blocks = PIECE_BLOCKS }: { readonly piece_blocks?: number } = {},
): Promise<TreeHasher> {
  requireCount(piece_blocks, "piece_blocks", { least: TREE_FANOUT });
  if (piece_blocks % TREE_FANOUT !== 0) {
    throw new CudaError(
      "invalid_argument",
      `piece_blocks: expected a multiple of ${TREE_FANOUT}, found ${piece_blocks}`,
    );
  }
  return new TreeHasher(context, await loadPackagedKernels(context, kernels, "tree_hash"), piece_blocks);
}

/** Hashes bytes of a buffer once: `openTreeHasher`, `hash`, and away with it. */
export async function hashBufferTree(buffer: DeviceBuffer, options: TreeRangeOptions = {}): Promise<TreeHash> {
  const hasher = await openTreeHasher(buffer.context);
  try {
    return await hasher.hash(buffer, options);
  } finally {
    hasher.dispose();
  }
}
