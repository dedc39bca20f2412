import { createHash } from "node:crypto";
import { TREE_BLOCK_BYTES, TREE_DIGEST_BYTES } from "../tree-hash.js";

/**
 * Builds the tree block by block on node:crypto, level by level as blocks fill up. It is what runs where there is no
 * addon, and what the fast ways are compared with.
 */
export class TreeBuilder {
  readonly #salt: Uint8Array;
  /** For each level, from the bytes' own upwards, a block that is being filled. */
  readonly #levels: { readonly block: Buffer; filled: number; hashed: number }[] = [];

  constructor(salt: Uint8Array) {
    this.#salt = salt.byteLength === 0 ? salt : Buffer.concat([salt], 64);
  }

  /** Adds bytes at the end. */
  update(bytes: Uint8Array): void {
    if (bytes.byteLength > 0) this.#add(0, bytes);
  }

  /** The root over all that was added; nothing can be added afterwards. */
  root(): Uint8Array {
    for (let level = 0; level < this.#levels.length; level += 1) {
      const { filled, hashed } = this.#level(level);
      // All of the level fits into one block.
      if (hashed === 0) return this.#close(level);
      if (filled > 0) this.#add(level + 1, this.#close(level));
    }
    return new Uint8Array(TREE_DIGEST_BYTES);
  }

  #level(index: number): { readonly block: Buffer; filled: number; hashed: number } {
    return (this.#levels[index] ??= { block: Buffer.alloc(TREE_BLOCK_BYTES), filled: 0, hashed: 0 });
  }

  #add(index: number, bytes: Uint8Array): void {
    const level = this.#level(index);
    for (let at = 0; at < bytes.byteLength;) {
      // A full block is hashed when something comes after it: whether it is the last one decides what becomes of it.
      if (level.filled === TREE_BLOCK_BYTES) this.#add(index + 1, this.#close(index));
      const count = Math.min(TREE_BLOCK_BYTES - level.filled, bytes.byteLength - at);
      level.block.set(bytes.subarray(at, at + count), level.filled);
      level.filled += count;
      at += count;
    }
  }

  /** The digest of a level's block, padded; the block is empty afterwards. */
  #close(index: number): Buffer {
    const level = this.#level(index);
    level.block.fill(0, level.filled);
    level.filled = 0;
    level.hashed += 1;
    return createHash("sha256").update(this.#salt).update(level.block).digest();
  }
}
