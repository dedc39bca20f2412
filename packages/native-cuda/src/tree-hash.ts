import { createHash } from "node:crypto";
import { CudaError } from "./errors.js";

/**
 * fs-verity's SHA-256 Merkle tree: blocks of 4096 bytes, the last one padded with zeros, their digests packed into
 * blocks that are hashed in turn, until one digest is left, the root. A salt of up to 32 bytes, padded to 64, comes
 * before every block. See the kernel's documentation of fs-verity.
 */
export interface TreeHash {
  /** 64 hexadecimal digits: the digest of the file's descriptor, as `fsverity digest` prints it after `sha256:`. */
  readonly digest: string;
  /** 64 hexadecimal digits: the root of the tree; zeros for no bytes. */
  readonly root: string;
  /** How many bytes were hashed. */
  readonly bytes: number;
}

/** Bytes of a block, of a digest, and the most of a salt. */
export const TREE_BLOCK_BYTES = 4096;
export const TREE_DIGEST_BYTES = 32;
export const TREE_SALT_BYTES = 32;

/** Digests that a block holds. */
export const TREE_FANOUT: number = TREE_BLOCK_BYTES / TREE_DIGEST_BYTES;

/** A salt that can be used; throws `invalid_argument` for one that is too long. None is an empty one. */
export function checkSalt(salt: Uint8Array | undefined): Uint8Array {
  if (salt === undefined) return new Uint8Array();
  if (salt.byteLength <= TREE_SALT_BYTES) return salt;
  throw new CudaError("invalid_argument", `salt: expected at most ${TREE_SALT_BYTES} bytes, found ${salt.byteLength}`);
}

/** The tree over `bytes` bytes with this root. The descriptor holds the size, so trees of other sizes have other digests. */
export function treeHash(root: Uint8Array, bytes: number, salt: Uint8Array): TreeHash {
  const descriptor = Buffer.alloc(256);
  // Version 1, hash algorithm 1 (SHA-256), 2^12 bytes to a block; no signature.
  descriptor.set([1, 1, 12, salt.byteLength]);
  descriptor.writeBigUInt64LE(BigInt(bytes), 8);
  descriptor.set(root, 16);
  descriptor.set(salt, 80);
  return {
    digest: createHash("sha256").update(descriptor).digest("hex"),
    root: Buffer.from(root).toString("hex"),
    bytes,
  };
}

/** Blocks of so many bytes. */
export function treeBlocks(bytes: number): number {
  return Math.ceil(bytes / TREE_BLOCK_BYTES);
}
