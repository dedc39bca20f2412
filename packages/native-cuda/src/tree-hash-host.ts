import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { CudaError } from "./errors.js";
import { requireCount } from "./internal/checks.js";
import { TreeBuilder } from "./internal/tree-builder.js";
import { requireAddon } from "./native-addon.js";
import { type TreeHash, checkSalt, treeHash } from "./tree-hash.js";

/** What the hashes on the host take. */
export interface HostTreeOptions {
  /** At most 32 bytes. */
  readonly salt?: Uint8Array;
  /** By default as many as this process may use cores. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called with the bytes hashed so far, where the hash is done in JavaScript. */
  readonly onProgress?: (hashed_bytes: number) => void;
}

/** How this process hashes: one of the addon's ways, fastest first, or `javascript` where there is no addon. */
export function hostTreeMethods(): readonly string[] {
  const addon = requireAddon();
  return addon.status === "loaded" ? [...addon.functions.hashTreeMethods(), "javascript"] : ["javascript"];
}

/**
 * The tree over a regular file, off the event loop: what `fsverity digest` prints for it. Errors of the file system are
 * Node's own (`ENOENT`, `EACCES`, `EISDIR`); a file that becomes shorter meanwhile is a `CudaError` (`busy`). Needs no
 * device; without the addon it is done in JavaScript, slower.
 */
export async function hashFileTree(path: string | URL, options: HostTreeOptions = {}): Promise<TreeHash> {
  return await hashFileTreeBy(null, path, options);
}

/** The tree over the bytes of a view, off the event loop; they must not change meanwhile. */
export async function hashViewTree(view: ArrayBufferView, options: HostTreeOptions = {}): Promise<TreeHash> {
  return await hashViewTreeBy(null, view, options);
}

/** The same as `hashFileTree` by one of `hostTreeMethods()`, for tests and benchmarks. */
export async function hashFileTreeBy(
  method: string | null,
  path: string | URL,
  options: HostTreeOptions = {},
): Promise<TreeHash> {
  const file = await open(path, "r");
  try {
    const facts = await file.stat();
    if (facts.isDirectory()) throw fileError("EISDIR", `${String(path)} is a directory: expected a regular file`);
    if (!facts.isFile()) throw fileError("EINVAL", `${String(path)} is no regular file`);
    return await hashSource(method, { file, name: String(path) }, facts.size, options);
  } finally {
    await file.close();
  }
}

/** The same as `hashViewTree` by one of `hostTreeMethods()`. */
export async function hashViewTreeBy(
  method: string | null,
  view: ArrayBufferView,
  options: HostTreeOptions = {},
): Promise<TreeHash> {
  return await hashSource(method, view, view.byteLength, options);
}

type Source = ArrayBufferView | { readonly file: FileHandle; readonly name: string };

async function hashSource(
  method: string | null,
  source: Source,
  bytes: number,
  { salt, threads = availableParallelism(), signal, onProgress }: HostTreeOptions,
): Promise<TreeHash> {
  const key = checkSalt(salt);
  requireCount(threads, "threads", { least: 1, most: 1024 });
  signal?.throwIfAborted();
  const addon = requireAddon();
  if (addon.status === "unavailable" || method === "javascript") {
    return await hashInJavaScript(source, bytes, key, signal, onProgress);
  }
  const cancel = new Int32Array(1);
  const stop = (): void => void Atomics.store(cancel, 0, 1);
  signal?.addEventListener("abort", stop, { once: true });
  const from = "file" in source ? source.file.fd : source;
  const outcome = await addon.functions
    .hashTree(from, bytes, key, threads, cancel, method)
    .finally(() => signal?.removeEventListener("abort", stop));
  switch (outcome.status) {
    case "ok":
      return treeHash(outcome.root, bytes, key);
    case "cancelled":
      signal?.throwIfAborted();
      throw new CudaError("busy", "the hash was cancelled");
    case "out_of_memory":
      throw new CudaError("out_of_memory", "the host has no memory for the hash");
    case "file_changed":
      throw shortened(source);
    case "read_failed":
      throw fileError(`errno ${outcome.errno}`, `${nameOf(source)} cannot be read (errno ${outcome.errno})`);
  }
}

const CHUNK_BYTES = 1 << 20;

async function hashInJavaScript(
  source: Source,
  bytes: number,
  salt: Uint8Array,
  signal: AbortSignal | undefined,
  onProgress: HostTreeOptions["onProgress"],
): Promise<TreeHash> {
  const builder = new TreeBuilder(salt);
  const buffer = "file" in source ? Buffer.alloc(CHUNK_BYTES) : undefined;
  for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
    signal?.throwIfAborted();
    const count = Math.min(CHUNK_BYTES, bytes - offset);
    if ("file" in source && buffer !== undefined) {
      await readFully(source, buffer.subarray(0, count), offset);
      builder.update(buffer.subarray(0, count));
    } else if (!("file" in source)) {
      builder.update(new Uint8Array(source.buffer, source.byteOffset + offset, count));
      // Memory is read without waiting for anything: others get their turn here.
      await new Promise((turn) => setImmediate(turn));
    }
    onProgress?.(offset + count);
  }
  return treeHash(builder.root(), bytes, salt);
}

async function readFully(source: Source & { readonly file: FileHandle }, into: Buffer, offset: number): Promise<void> {
  for (let at = 0; at < into.byteLength;) {
    const { bytesRead } = await source.file.read(into, at, into.byteLength - at, offset + at);
    if (bytesRead === 0) throw shortened(source);
    at += bytesRead;
  }
}

function nameOf(source: Source): string {
  return "file" in source ? source.name : "the view";
}

function shortened(source: Source): CudaError {
  return new CudaError("busy", `${nameOf(source)} became shorter while it was read: hash it when nobody writes to it`);
}

function fileError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
