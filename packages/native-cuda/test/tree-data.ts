import { TreeBuilder } from "../src/internal/tree-builder.js";
import { type TreeHash, treeHash } from "../src/tree-hash.js";

/** Bytes that look like none of their neighbours, and are the same every time. */
export function someBytes(count: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  let state = seed >>> 0;
  for (let i = 0; i < count; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** The tree as node:crypto makes it, block by block. */
export function expectedTree(bytes: Uint8Array, salt = new Uint8Array()): TreeHash {
  const builder = new TreeBuilder(salt);
  builder.update(bytes);
  return treeHash(builder.root(), bytes.byteLength, salt);
}

/** The data that an entry of test/vectors/fs-verity.json describes. */
export function vectorData(description: string): Uint8Array {
  if (description === "empty") return new Uint8Array();
  if (description.startsWith("utf8:")) return Buffer.from(description.slice(5));
  const parts = /^(\d+) bytes of 0x([0-9a-f]{2})$/.exec(description);
  if (parts === null) throw new Error(`no data for ${description}`);
  return new Uint8Array(Number(parts[1])).fill(Number.parseInt(parts[2]!, 16));
}
