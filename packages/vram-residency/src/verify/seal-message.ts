import type { SealedShardFields } from "./sealed-shard.js";

/** What version 2 of the seal covers beyond the descriptor. */
export interface SealContext {
  /** What the caller calls the model; null where it was not said. */
  readonly model_ref: string | null;
  /** `GPU-...` or `MIG-...` of the device that holds the bytes. */
  readonly gpu_uuid: string;
  /** 64 hexadecimal digits drawn when the manager was made: a seal does not outlive its process. */
  readonly boot_nonce: string;
  /** The fs-verity digest of the bytes, 64 hexadecimal digits. */
  readonly tree_digest: string;
}

const DOMAIN_V2 = "vrx-seal-v2\0";
const ABSENT = 0;
const PRESENT = 1;

const utf8 = new TextEncoder();

/**
 * Version 1 of the sealed message, for parity with workers that use it: `shard_id` ‖ 64 digits of the digest ‖ seconds
 * since 1970 as u64 ‖ ordinal as u32 ‖ length in bytes as u64, integers little-endian, nothing between them. It covers
 * neither the shard's place in a group nor the GPU's identity; version 2 does. A descriptor without a time is signed with
 * 0 seconds.
 */
export function sealMessageV1(shard: SealedShardFields): Uint8Array {
  const message = new MessageWriter(shard.shard_id, shard.digest);
  message.bare(shard.shard_id);
  message.bare(shard.digest);
  message.u64(sealedAtSeconds(shard));
  message.u32(shard.gpu_device);
  message.u64(shard.vram_bytes);
  return message.bytes();
}

/**
 * Version 2: the tag `vrx-seal-v2` and a zero byte, then every field with its length (u32, little-endian) before it, and a
 * byte before each optional one that says whether it is there; so no two different seals have one message.
 */
export function sealMessageV2(shard: SealedShardFields, context: SealContext): Uint8Array {
  const { model_ref, gpu_uuid, boot_nonce, tree_digest } = context;
  const message = new MessageWriter(shard.shard_id, shard.digest, model_ref ?? "", gpu_uuid, boot_nonce, tree_digest);
  message.bare(DOMAIN_V2);
  message.text(shard.shard_id);
  message.text(shard.digest);
  if (message.present(shard.sealed_at)) message.u64(sealedAtSeconds(shard));
  message.u32(shard.gpu_device);
  message.u64(shard.vram_bytes);
  if (message.present(shard.shard_index)) message.u32(shard.shard_index);
  if (message.present(shard.total_shards)) message.u32(shard.total_shards);
  if (message.present(model_ref)) message.text(model_ref);
  message.text(gpu_uuid);
  message.text(boot_nonce);
  message.text(tree_digest);
  return message.bytes();
}

/** Whole seconds since 1970 of a descriptor's time; 0 where it has none. */
export function sealedAtSeconds({ sealed_at }: Pick<SealedShardFields, "sealed_at">): number {
  return sealed_at === null ? 0 : Math.floor(Date.parse(sealed_at) / 1000);
}

/** More than the integers, lengths, marks and the tag of either version take. */
const FIXED_BYTES = 128;

/** A UTF-16 unit has at most so many bytes in UTF-8. */
const UTF8_MOST = 3;

/** Writes a message into one piece of memory: a seal is checked before every execution. Integers are little-endian. */
class MessageWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** Makes room for these texts and everything of a fixed size. */
  constructor(...texts: readonly string[]) {
    this.#bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + UTF8_MOST * length, FIXED_BYTES));
    this.#view = new DataView(this.#bytes.buffer);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  u64(value: number): void {
    this.#view.setUint32(this.#at, value % 2 ** 32, true);
    this.#view.setUint32(this.#at + 4, Math.floor(value / 2 ** 32), true);
    this.#at += 8;
  }

  /** A text alone. Returns its bytes. */
  bare(value: string): number {
    const { written } = utf8.encodeInto(value, this.#bytes.subarray(this.#at));
    this.#at += written;
    return written;
  }

  /** A text with its length before it. */
  text(value: string): void {
    const before = this.#at;
    this.#at += 4;
    this.#view.setUint32(before, this.bare(value), true);
  }

  /** A byte that says whether an optional field is there. */
  present<T>(value: T | null): value is T {
    this.#bytes[this.#at++] = value === null ? ABSENT : PRESENT;
    return value !== null;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
}
