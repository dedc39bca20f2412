import { equalBytes } from "./bytes.js";
import { FieldReader, type Read } from "./field-issue.js";

/** The descriptor of sealed model bytes: plain data, without a pointer, a key or a signature. */
export interface SealedShardFields {
  /** 1 to 256 characters of `A-Z a-z 0-9 _ -`. */
  readonly shard_id: string;
  /** The CUDA ordinal of the GPU that holds the bytes, 0 to 15. */
  readonly gpu_device: number;
  /** How many bytes the model has, exactly. */
  readonly vram_bytes: number;
  /** SHA-256 of the bytes, 64 lowercase hexadecimal digits. */
  readonly digest: string;
  /** When it was sealed, to the second: `2026-01-31T12:00:00Z`; null where times are left out for determinism. */
  readonly sealed_at: string | null;
  /** Which part of a tensor-parallel model this is, counted from 0; null where it is a whole one. */
  readonly shard_index: number | null;
  readonly total_shards: number | null;
}

/** Whether a descriptor's digest is the one given. */
export type DigestComparison =
  | { readonly status: "verified" }
  | { readonly status: "failed"; readonly reason: "not_sealed" | "invalid_digest" | "digest_mismatch" };

/** Tensor-parallel groups have at most so many members. */
export const MAX_TOTAL_SHARDS = 1024;

/** Ordinals go up to 15, as in the device grammar. */
export const MAX_GPU_DEVICE = 15;

const SHARD_ID = /^[A-Za-z0-9_-]{1,256}$/u;
const DIGEST = /^[0-9a-f]{64}$/u;
const SEALED_AT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/u;

/**
 * A frozen descriptor. What can be done with it lives on the prototype, so a `structuredClone` or a trip through JSON
 * keeps everything that is said and nothing that must not be. Owning the memory is another thing: see `SealedHandle`.
 */
export class SealedShard implements SealedShardFields {
  declare readonly shard_id: string;
  declare readonly gpu_device: number;
  declare readonly vram_bytes: number;
  declare readonly digest: string;
  declare readonly sealed_at: string | null;
  declare readonly shard_index: number | null;
  declare readonly total_shards: number | null;

  constructor(fields: SealedShardFields) {
    Object.assign(this, shardFields(fields));
    Object.freeze(this);
  }

  /** Whether it carries a digest at all. Whether the bytes are still those, only `verifySealed` of a manager can say. */
  get sealed(): boolean {
    return this.digest !== "";
  }

  /** Compares a digest that the caller computed (64 hexadecimal digits, either case) with the descriptor's. */
  verify(currentDigest: string): DigestComparison {
    if (!this.sealed) return { status: "failed", reason: "not_sealed" };
    const current = currentDigest.toLowerCase();
    if (!isDigest(current)) return { status: "failed", reason: "invalid_digest" };
    const utf8 = new TextEncoder();
    const same = equalBytes(utf8.encode(current), utf8.encode(this.digest));
    return same ? { status: "verified" } : { status: "failed", reason: "digest_mismatch" };
  }

  toJSON(): SealedShardFields & { readonly sealed: boolean } {
    return { ...shardFields(this), sealed: this.sealed };
  }

  /** For logs: the first eight digits of the digest are enough to tell shards apart. */
  toString(): string {
    const place = this.shard_index === null ? "" : `, part ${this.shard_index} of ${this.total_shards ?? "?"}`;
    const digest = this.sealed ? `${this.digest.slice(0, 8)}...` : "none";
    return `SealedShard(${this.shard_id}, GPU ${this.gpu_device}, ${this.vram_bytes} bytes, digest ${digest}${place})`;
  }
}

/** The public fields of a descriptor alone, whatever else the value carries. */
export function shardFields(shard: SealedShardFields): SealedShardFields {
  const { shard_id, gpu_device, vram_bytes, digest, sealed_at, shard_index, total_shards } = shard;
  return { shard_id, gpu_device, vram_bytes, digest, sealed_at, shard_index, total_shards };
}

/** What worker interfaces call a sealed shard. */
export type ModelShardHandle = SealedShard;
export const ModelShardHandle = SealedShard;

/** Whether a text can name a shard: 1 to 256 ASCII letters, digits, `_` and `-`; so no path, no NUL, no escape. */
export function isShardId(text: string): boolean {
  return SHARD_ID.test(text);
}

/** Whether a text is a SHA-256 in lowercase hexadecimal. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

const MEMBERS = [
  "shard_id",
  "gpu_device",
  "vram_bytes",
  "digest",
  "sealed_at",
  "shard_index",
  "total_shards",
  "sealed",
];

/** Reads a descriptor from JSON strictly, all problems at once. An unsealed one (an empty digest) is a value too. */
export function readSealedShard(value: unknown, pointer = ""): Read<SealedShard> {
  const fields = new FieldReader(value, MEMBERS, pointer);
  const shard: SealedShardFields = {
    shard_id: fields.text("shard_id", "1 to 256 of A-Z a-z 0-9 _ -", isShardId),
    gpu_device: fields.count("gpu_device", 0, MAX_GPU_DEVICE),
    vram_bytes: fields.count("vram_bytes", 1, Number.MAX_SAFE_INTEGER),
    digest: fields.text("digest", "64 lowercase hexadecimal digits", (text) => text === "" || isDigest(text)),
    sealed_at: fields.nullable("sealed_at", () =>
      fields.text("sealed_at", "a time such as 2026-01-31T12:00:00Z", isTime),
    ),
    shard_index: fields.nullable("shard_index", () => fields.count("shard_index", 0, MAX_TOTAL_SHARDS - 1)),
    total_shards: fields.nullable("total_shards", () => fields.count("total_shards", 1, MAX_TOTAL_SHARDS)),
  };
  const place = shardPlaceIssue(shard.shard_index, shard.total_shards);
  if (place !== null) fields.issues.push({ pointer: fields.at("shard_index"), ...place });
  return fields.result(() => new SealedShard(shard));
}

/** What is wrong with a place in a group: both parts or neither, the index below the total, at most 1024 members. */
export function shardPlaceIssue(
  shard_index: number | null,
  total_shards: number | null,
): { readonly expected: string; readonly found: string } | null {
  if (shard_index === null && total_shards === null) return null;
  const found = `shard_index ${shard_index ?? "null"} of total_shards ${total_shards ?? "null"}`;
  if (shard_index === null || total_shards === null)
    return { expected: "shard_index and total_shards, or neither", found };
  const whole = Number.isInteger(shard_index) && Number.isInteger(total_shards);
  const ok =
    whole && total_shards >= 1 && total_shards <= MAX_TOTAL_SHARDS && shard_index >= 0 && shard_index < total_shards;
  return ok ? null : { expected: `0 <= shard_index < total_shards <= ${MAX_TOTAL_SHARDS}`, found };
}

function isTime(text: string): boolean {
  return SEALED_AT.test(text) && !Number.isNaN(Date.parse(text));
}
