import { createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { VramResidencyError } from "./errors.js";
import type { VerificationKey } from "./verify/index.js";

/** A key that seals. The bytes stay inside; what leaves is tags. */
export interface SealKey extends Disposable {
  /** Names the key in envelopes without telling it: 16 hexadecimal digits of a hash. */
  readonly id: string;
  /** HMAC-SHA256 of a message, 32 bytes. */
  mac(message: Uint8Array): Uint8Array;
}

/** Where keys come from: the one that signs now, and earlier ones, by id, that still verify. */
export interface KeyProvider extends Disposable {
  current(): SealKey;
  /** Null for an id that this provider never had or has dropped. */
  find(id: string): SealKey | null;
}

/** Shortest and longest key, in bytes. */
export const MIN_KEY_BYTES = 32;
export const MAX_KEY_BYTES = 1024;

const SEAL_INFO = "llorch-vram-seal-v1";
const ID_DOMAIN = "vrx-seal-key-id-v1\0";

/** A key from its bytes, 32 to 1024 of them; they are copied, and wiped when it is disposed. */
export function sealKey(bytes: Uint8Array): SealKey {
  if (bytes.length < MIN_KEY_BYTES || bytes.length > MAX_KEY_BYTES) {
    throw configError(`a seal key has ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes, this one has ${bytes.length}`);
  }
  return new HmacKey(bytes);
}

class HmacKey implements SealKey {
  readonly id: string;
  readonly #bytes: Buffer;
  #disposed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
    this.id = createHash("sha256").update(ID_DOMAIN).update(this.#bytes).digest("hex").slice(0, 16);
  }

  mac(message: Uint8Array): Uint8Array {
    if (this.#disposed) throw new VramResidencyError("disposed", `the seal key ${this.id} was disposed`);
    return createHmac("sha256", this.#bytes).update(message).digest();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#bytes.fill(0);
  }
}

/**
 * The key of a worker: HKDF-SHA256 (RFC 5869) of its token, without salt, with the info `llorch-vram-seal-v1`. The token
 * must not be the one that clients authenticate with: whoever may call the worker could then seal for it.
 */
export function workerTokenKeys(token: string, options: { readonly apiToken?: string } = {}): KeyProvider {
  const { apiToken } = options;
  if (apiToken !== undefined && sameText(token, apiToken)) {
    throw configError("the worker token is the API token: give the worker a token of its own");
  }
  const bytes = workerTokenKeyBytes(token);
  try {
    return fixedKeys([sealKey(bytes)]);
  } finally {
    bytes.fill(0);
  }
}

/** What a verifier who knows the worker's token needs to check what was signed with the key that is derived from it. */
export function workerTokenVerificationKey(token: string): VerificationKey {
  const key = workerTokenKeyBytes(token);
  return { key_id: sealKey(key).id, algorithm: "hmac-sha256", key, held: "worker" };
}

function workerTokenKeyBytes(token: string): Buffer {
  if (token === "") throw configError("the worker token is empty");
  return Buffer.from(hkdfSync("sha256", token, "", SEAL_INFO, MIN_KEY_BYTES));
}

/** A key from a file of 32 to 1024 bytes that nobody but its owner may read. */
export function keyFileKeys(file: string): KeyProvider {
  const bytes = Buffer.alloc(MAX_KEY_BYTES + 1);
  let handle: number | null = null;
  try {
    handle = openSync(file, "r");
    const { mode } = fstatSync(handle);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw configError(
        `the key file ${file} can be read by others (mode ${(mode & 0o777).toString(8)}): chmod 600 it`,
      );
    }
    const length = readSync(handle, bytes, 0, bytes.length, 0);
    return fixedKeys([sealKey(bytes.subarray(0, length))]);
  } catch (error) {
    if (error instanceof VramResidencyError) throw error;
    throw configError(`the key file ${file} cannot be read`, error);
  } finally {
    bytes.fill(0);
    if (handle !== null) closeSync(handle);
  }
}

/** Keys in order of age, the newest first: it signs, all verify. Rotating is making the next provider with one more. */
export function fixedKeys(keys: readonly SealKey[]): KeyProvider {
  const [newest] = keys;
  if (newest === undefined) throw configError("there is no seal key");
  return {
    current: () => newest,
    find: (id) => keys.find((key) => key.id === id) ?? null,
    [Symbol.dispose]: () => {
      for (const key of keys) key[Symbol.dispose]();
    },
  };
}

/**
 * Keys that change while a worker runs: `rotate` makes another one sign from now on. Seals of earlier keys verify until
 * `drop` forgets their key.
 */
export function rotatingKeys(first: SealKey): KeyProvider & { rotate(next: SealKey): void; drop(id: string): void } {
  const keys = [first];
  return {
    current: () => keys[0] ?? first,
    find: (id) => keys.find((key) => key.id === id) ?? null,
    rotate(next) {
      keys.unshift(next);
    },
    drop(id) {
      const at = keys.findIndex((key) => key.id === id);
      if (at === 0) throw configError(`the key ${id} is the one that signs: rotate first`);
      if (at > 0) for (const key of keys.splice(at, 1)) key[Symbol.dispose]();
    },
    [Symbol.dispose]: () => {
      for (const key of keys) key[Symbol.dispose]();
    },
  };
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function configError(message: string, cause?: unknown): VramResidencyError {
  return new VramResidencyError("config_error", message, cause === undefined ? {} : { cause });
}
