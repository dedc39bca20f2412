import { randomInt } from "node:crypto";
import type { TreeHasher } from "@vrx/native-cuda";
import { HostDigest, LEAF_BYTES, leafCount } from "../host-digest.js";
import { type VerificationAssumption, type VerificationTier, missProbability } from "../verify/index.js";
import { withSignal } from "./manager-core.js";
import type { ShardRecord } from "./shard-record.js";

/** What was found of the bytes. */
export type BytesVerdict =
  | {
      readonly status: "same";
      readonly leaves_checked: number;
      readonly miss_probability_one_leaf: number;
      readonly assumption: VerificationAssumption;
    }
  | DifferentBytes;

/** Two digests of the same place: of the whole tree, of a leaf, or of all bytes. */
export interface DifferentBytes {
  readonly status: "different";
  readonly expected_digest: string;
  readonly actual_digest: string;
}

export interface VerifyBytesOptions {
  readonly tier: VerificationTier;
  /** How many leaves the tier `leaves` draws. */
  readonly leaves: number;
  /** The caller rules out writes: what was verified in full before is not hashed again. */
  readonly incremental: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Compares a shard's bytes with what was sealed, as far as the tier goes. Throws what the driver throws. */
export async function verifyBytes(
  record: ShardRecord,
  hasher: TreeHasher,
  options: VerifyBytesOptions,
): Promise<BytesVerdict> {
  const { shard, context, buffer } = record;
  const { tier, signal } = options;
  const total = leafCount(shard.vram_bytes);
  const whole = { status: "same", leaves_checked: total, miss_probability_one_leaf: 0, assumption: "none" } as const;
  switch (tier) {
    case "signature":
      return { ...whole, leaves_checked: 0, miss_probability_one_leaf: 1 };
    case "leaves":
      return await sampled(record, hasher, Math.min(options.leaves, total), signal);
    case "tree": {
      if (options.incremental && record.verified_in_full) {
        return { ...whole, leaves_checked: 0, assumption: "writes_ruled_out" };
      }
      const actual = (await hasher.hash(buffer, { bytes: shard.vram_bytes, ...withSignal(signal) })).digest;
      return actual === context.tree_digest
        ? whole
        : { status: "different", expected_digest: context.tree_digest, actual_digest: actual };
    }
    case "read_back": {
      using host = new HostDigest();
      const read = { bytes: shard.vram_bytes, chunk_bytes: 8 * 2 ** 20, ...withSignal(signal) };
      for await (const chunk of buffer.chunks(read)) await host.update(chunk);
      const { digest, tree_digest } = await host.finish();
      if (digest !== shard.digest) return { status: "different", expected_digest: shard.digest, actual_digest: digest };
      if (tree_digest !== context.tree_digest) {
        return { status: "different", expected_digest: context.tree_digest, actual_digest: tree_digest };
      }
      return whole;
    }
  }
}

async function sampled(
  record: ShardRecord,
  hasher: TreeHasher,
  count: number,
  signal: AbortSignal | undefined,
): Promise<BytesVerdict> {
  const total = leafCount(record.shard.vram_bytes);
  const indices = drawWithoutRepetition(total, count);
  const found = await compareLeaves(record, hasher, indices, signal);
  if (found !== null) return found;
  return {
    status: "same",
    leaves_checked: count,
    miss_probability_one_leaf: missProbability(total, count),
    assumption: "none",
  };
}

/** Hashes chosen leaves on the device and compares them with what was sealed; null where all are the same. */
export async function compareLeaves(
  record: ShardRecord,
  hasher: TreeHasher,
  indices: readonly number[],
  signal: AbortSignal | undefined,
): Promise<DifferentBytes | null> {
  const actual = Buffer.from(
    await hasher.hashBlocks(record.buffer, indices, { bytes: record.shard.vram_bytes, ...withSignal(signal) }),
  );
  for (const [at, index] of indices.entries()) {
    const expected = Buffer.from(record.leaves.subarray(32 * index, 32 * (index + 1)));
    const digest = actual.subarray(32 * at, 32 * (at + 1));
    if (!expected.equals(digest)) {
      return { status: "different", expected_digest: expected.toString("hex"), actual_digest: digest.toString("hex") };
    }
  }
  return null;
}

/** `count` different numbers below `total`, each set as likely as any other (Floyd's algorithm), in ascending order. */
export function drawWithoutRepetition(total: number, count: number): readonly number[] {
  const drawn = new Set<number>();
  for (let top = total - count; top < total; top++) {
    // A secure draw: who knows which leaves are looked at could change the others.
    const pick = randomInt(top + 1);
    drawn.add(drawn.has(pick) ? top : pick);
  }
  return [...drawn].sort((a, b) => a - b);
}

/** Leaves per slice of a background sweep: 64 MiB. */
export const SWEEP_LEAVES: number = (64 * 2 ** 20) / LEAF_BYTES;
