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
  return concat([
    utf8.encode(shard.shard_id),
    utf8.encode(shard.digest),
    u64(sealedAtSeconds(shard)),
    u32(shard.gpu_device),
    u64(shard.vram_bytes),
  ]);
}

/**
 * Version 2: the tag `vrx-seal-v2` and a zero byte, then every field with its length (u32, little-endian) before it, and a
 * byte before each optional one that says whether it is there; so no two different seals have one message.
 */
export function sealMessageV2(shard: SealedShardFields, context: SealContext): Uint8Array {
  return concat([
    utf8.encode(DOMAIN_V2),
    text(shard.shard_id),
    text(shard.digest),
    optional(shard.sealed_at === null ? null : u64(sealedAtSeconds(shard))),
    u32(shard.gpu_device),
    u64(shard.vram_bytes),
    optional(shard.shard_index === null ? null : u32(shard.shard_index)),
    optional(shard.total_shards === null ? null : u32(shard.total_shards)),
    optional(context.model_ref === null ? null : text(context.model_ref)),
    text(context.gpu_uuid),
    text(context.boot_nonce),
    text(context.tree_digest),
  ]);
}

/** Whole seconds since 1970 of a descriptor's time; 0 where it has none. */
export function sealedAtSeconds({ sealed_at }: Pick<SealedShardFields, "sealed_at">): number {
  return sealed_at === null ? 0 : Math.floor(Date.parse(sealed_at) / 1000);
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

function text(value: string): Uint8Array {
  const bytes = utf8.encode(value);
  return concat([u32(bytes.length), bytes]);
}

function optional(value: Uint8Array | null): Uint8Array {
  return value === null ? Uint8Array.of(ABSENT) : concat([Uint8Array.of(PRESENT), value]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
