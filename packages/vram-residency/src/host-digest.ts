import { createHash } from "node:crypto";
import { type FlatHash, flatHashFor } from "./flat-hash.js";

/** fs-verity's block, and how many digests of 32 bytes fit into one. */
export const LEAF_BYTES = 4096;
const FAN_OUT = 128;
const DIGEST_BYTES = 32;

/** What the host computed over bytes on their way to the device. */
export interface HostDigests {
  readonly bytes: number;
  /** SHA-256 of the bytes, 64 hexadecimal digits. */
  readonly digest: string;
  /** SHA-256 of every block of 4096 bytes, the last padded with zeros; 32 bytes each. */
  readonly leaves: Uint8Array;
  /** The fs-verity digest over them. */
  readonly tree_digest: string;
}

/** Number of leaves over so many bytes. */
export function leafCount(bytes: number): number {
  return Math.ceil(bytes / LEAF_BYTES);
}

/** Computes both digests of bytes that arrive in pieces; every piece but the last is a multiple of 4096 bytes. */
export class HostDigest implements Disposable {
  #flat: FlatHash | null = null;
  readonly #leaves: Buffer[] = [];
  #bytes = 0;

  /** Takes a piece, which must not change until this resolves; in slices, so that nothing else waits for long. */
  async update(piece: Uint8Array): Promise<void> {
    this.#flat ??= flatHashFor(piece);
    const flat = this.#flat.update(piece);
    const leaves = Buffer.allocUnsafe(leafCount(piece.length) * DIGEST_BYTES);
    for (let at = 0; at < piece.length; at += SLICE_BYTES) {
      const slice = piece.subarray(at, at + SLICE_BYTES);
      for (let block = 0; block < slice.length; block += LEAF_BYTES) {
        blockDigest(slice.subarray(block, block + LEAF_BYTES)).copy(leaves, ((at + block) / LEAF_BYTES) * DIGEST_BYTES);
      }
      await new Promise(setImmediate);
    }
    await flat;
    this.#leaves.push(leaves);
    this.#bytes += piece.length;
  }

  async finish(): Promise<HostDigests> {
    const leaves = Buffer.concat(this.#leaves);
    const tree_digest = treeDigest(leaves, this.#bytes);
    const flat = this.#flat ?? flatHashFor(leaves);
    return { bytes: this.#bytes, digest: await flat.finish(), leaves, tree_digest };
  }

  /** Ends what was not finished. */
  [Symbol.dispose](): void {
    this.#flat?.[Symbol.dispose]();
  }
}

const SLICE_BYTES = 2 ** 20;

/**
 * The fs-verity digest (SHA-256, blocks of 4096 bytes, no salt) over the digests of the leaves: levels of packed digests
 * up to one root, and a descriptor of 256 bytes with the root and the size around it
 * (https://docs.kernel.org/filesystems/fsverity.html).
 */
export function treeDigest(leaves: Uint8Array, bytes: number): string {
  let level = Buffer.from(leaves.buffer, leaves.byteOffset, leaves.byteLength);
  while (level.length > DIGEST_BYTES) {
    const blocks = Math.ceil(level.length / LEAF_BYTES);
    const next = Buffer.allocUnsafe(blocks * DIGEST_BYTES);
    for (let i = 0; i < blocks; i++) {
      blockDigest(level.subarray(i * FAN_OUT * DIGEST_BYTES, (i + 1) * FAN_OUT * DIGEST_BYTES)).copy(
        next,
        i * DIGEST_BYTES,
      );
    }
    level = next;
  }
  const descriptor = Buffer.alloc(256);
  descriptor.writeUInt8(1, 0); // version
  descriptor.writeUInt8(1, 1); // SHA-256
  descriptor.writeUInt8(12, 2); // log2 of the block's bytes
  descriptor.writeBigUInt64LE(BigInt(bytes), 8);
  level.copy(descriptor, 16);
  return createHash("sha256").update(descriptor).digest("hex");
}

const zeros = Buffer.alloc(LEAF_BYTES);

function blockDigest(block: Uint8Array): Buffer {
  const hash = createHash("sha256").update(block);
  if (block.length < LEAF_BYTES) hash.update(zeros.subarray(block.length));
  return hash.digest();
}
