import { TREE_BLOCK_BYTES, TREE_DIGEST_BYTES, TREE_FANOUT, treeBlocks } from "./tree-hash.js";

/** Bytes of a buffer with a tree of their own. */
export interface TreeRange {
  readonly offset: number;
  readonly bytes: number;
}

/** One launch: so many blocks, in the entries of the table from `first` on. */
export interface TreeLaunch {
  readonly source: "data" | "scratch";
  readonly first: number;
  readonly entries: number;
  readonly blocks: number;
}

/** All launches for a list of ranges, the table they read, and where in the scratch memory the roots end up. */
export interface TreePlan {
  /** Launches that belong together: the blocks of a piece of the data and the level above it; then the upper levels. */
  readonly steps: readonly { readonly launches: readonly TreeLaunch[]; readonly data_bytes: number }[];
  /** `leaf_range` of the kernel, one after the other: four 64-bit numbers each. */
  readonly table: BigUint64Array<ArrayBuffer>;
  readonly scratch_bytes: number;
  /** Bytes in the scratch memory; -1 for a range without bytes, whose root is zeros. */
  readonly roots: readonly number[];
}

/** Where the digests of one level of one range lie. */
interface Level {
  readonly offset: number;
  readonly count: number;
}

class Builder {
  readonly entries: bigint[] = [];
  #scratch = 0;

  get scratch_bytes(): number {
    return this.#scratch;
  }

  /** Scratch memory for so many digests; entries stay aligned to their size. */
  reserve(digests: number): number {
    const offset = this.#scratch;
    this.#scratch += digests * TREE_DIGEST_BYTES;
    return offset;
  }

  launch(
    source: "data" | "scratch",
    pieces: readonly { readonly offset: number; readonly bytes: number; readonly digests: number }[],
  ): TreeLaunch {
    const first = this.entries.length / 4;
    let blocks = 0;
    for (const { offset, bytes, digests } of pieces) {
      this.entries.push(BigInt(offset), BigInt(bytes), BigInt(blocks), BigInt(digests));
      blocks += treeBlocks(bytes);
    }
    return { source, first, entries: pieces.length, blocks };
  }
}

/**
 * Plans the launches that make the trees of `ranges`. The data is gone through in pieces of `piece_blocks` blocks (a
 * multiple of 128), whose digests are used up by the level above at once: so the scratch memory does not grow with the
 * data, but for its 128 x 128th part.
 */
export function planTrees(ranges: readonly TreeRange[], piece_blocks: number): TreePlan {
  const builder = new Builder();
  const roots = ranges.map(() => -1);
  // The first level above the blocks, for every range with more than one.
  const firstLevels = ranges.map(({ bytes }): Level | undefined => {
    const blocks = treeBlocks(bytes);
    if (blocks <= 1) return undefined;
    const count = Math.ceil(blocks / TREE_FANOUT);
    return { offset: builder.reserve(count), count };
  });
  ranges.forEach(({ bytes }, i) => {
    if (treeBlocks(bytes) === 1) roots[i] = builder.reserve(1);
  });
  const total = ranges.reduce((sum, { bytes }) => sum + treeBlocks(bytes), 0);
  const leaves = builder.reserve(Math.min(total, piece_blocks));

  const steps: { launches: TreeLaunch[]; data_bytes: number }[] = [];
  let below: { offset: number; bytes: number; digests: number }[] = [];
  let above: { offset: number; bytes: number; digests: number }[] = [];
  let taken = 0;
  let data_bytes = 0;
  const flush = (): void => {
    if (below.length === 0) return;
    const launches = [builder.launch("data", below)];
    if (above.length > 0) launches.push(builder.launch("scratch", above));
    steps.push({ launches, data_bytes });
    [below, above, taken, data_bytes] = [[], [], 0, 0];
  };
  ranges.forEach(({ offset, bytes }, i) => {
    const level = firstLevels[i];
    for (let done = 0; done < bytes;) {
      // A piece of a range ends where a block of the level above does.
      const room = piece_blocks - taken;
      const left = treeBlocks(bytes - done);
      const blocks = left <= room ? left : Math.floor(room / TREE_FANOUT) * TREE_FANOUT;
      if (blocks === 0) {
        flush();
        continue;
      }
      const count = Math.min(blocks * TREE_BLOCK_BYTES, bytes - done);
      const digests = level === undefined ? (roots[i] ?? 0) : leaves + taken * TREE_DIGEST_BYTES;
      below.push({ offset: offset + done, bytes: count, digests });
      if (level !== undefined) {
        const into = level.offset + (done / (TREE_BLOCK_BYTES * TREE_FANOUT)) * TREE_DIGEST_BYTES;
        above.push({ offset: digests, bytes: blocks * TREE_DIGEST_BYTES, digests: into });
      }
      taken += blocks;
      done += count;
      data_bytes += count;
      if (taken === piece_blocks) flush();
    }
  });
  flush();

  // Upper levels, all ranges together.
  let levels = firstLevels.map((level, i) => ({ level, i }));
  for (;;) {
    const open: typeof levels = [];
    const pieces: { offset: number; bytes: number; digests: number }[] = [];
    for (const { level, i } of levels) {
      if (level === undefined) continue;
      if (level.count === 1) {
        roots[i] = level.offset;
        continue;
      }
      const count = Math.ceil(level.count / TREE_FANOUT);
      const next = { offset: builder.reserve(count), count };
      pieces.push({ offset: level.offset, bytes: level.count * TREE_DIGEST_BYTES, digests: next.offset });
      open.push({ level: next, i });
    }
    if (pieces.length === 0) break;
    steps.push({ launches: [builder.launch("scratch", pieces)], data_bytes: 0 });
    levels = open;
  }
  return { steps, table: BigUint64Array.from(builder.entries), scratch_bytes: builder.scratch_bytes, roots };
}
