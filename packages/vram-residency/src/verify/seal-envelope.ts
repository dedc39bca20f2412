import { equalBytes, fromHex, hmacSha256 } from "./bytes.js";
import { FieldReader, type Read } from "./field-issue.js";
import { type SealContext, sealMessageV1, sealMessageV2 } from "./seal-message.js";
import { type SealedShard, isDigest, readSealedShard } from "./sealed-shard.js";

/** A seal outside its manager: the descriptor, what else version 2 covers, and the tag over both. */
export interface SealEnvelope {
  readonly schema: "vrx_seal_v2";
  readonly shard: SealedShard;
  readonly context: SealContext;
  readonly key_id: string;
  /** HMAC-SHA256 over `sealMessageV2`, 64 lowercase hexadecimal digits; null where it was never signed. */
  readonly mac: string | null;
}

/** Finds the key of an id; null where there is none. */
export type KeyLookup = (key_id: string) => Uint8Array | null;

export type SealEnvelopeVerdict =
  | { readonly status: "verified"; readonly shard: SealedShard; readonly context: SealContext }
  | {
      readonly status: "failed";
      readonly reason:
        "not_sealed" | "missing_signature" | "bad_signature_length" | "unknown_key" | "signature_mismatch";
    };

const TAG_BYTES = 32;

/** Whether a tag of 32 bytes is the HMAC-SHA256 of a message; every other outcome has its own reason. */
export function verifySealTag(
  message: Uint8Array,
  tag: Uint8Array | null,
  key: Uint8Array,
):
  | { readonly status: "verified" }
  | {
      readonly status: "failed";
      readonly reason: "missing_signature" | "bad_signature_length" | "signature_mismatch";
    } {
  if (tag === null) return { status: "failed", reason: "missing_signature" };
  if (tag.length !== TAG_BYTES) return { status: "failed", reason: "bad_signature_length" };
  if (!equalBytes(tag, hmacSha256(key, message))) return { status: "failed", reason: "signature_mismatch" };
  return { status: "verified" };
}

/** Checks a seal with the worker's key, without its GPU: that the descriptor was sealed, not that the bytes are still there. */
export function verifySealEnvelope(envelope: SealEnvelope, keys: KeyLookup): SealEnvelopeVerdict {
  if (!envelope.shard.sealed) return { status: "failed", reason: "not_sealed" };
  const key = keys(envelope.key_id);
  if (key === null) return { status: "failed", reason: "unknown_key" };
  const tag = envelope.mac === null ? null : (fromHex(envelope.mac) ?? new Uint8Array());
  const verdict = verifySealTag(sealMessageV2(envelope.shard, envelope.context), tag, key);
  if (verdict.status === "failed") return verdict;
  return { status: "verified", shard: envelope.shard, context: envelope.context };
}

/** The same for a tag of version 1, which covers the descriptor alone. */
export function verifySealV1(
  shard: SealedShard,
  tag: Uint8Array | null,
  key: Uint8Array,
): ReturnType<typeof verifySealTag> | { readonly status: "failed"; readonly reason: "not_sealed" } {
  if (!shard.sealed) return { status: "failed", reason: "not_sealed" };
  return verifySealTag(sealMessageV1(shard), tag, key);
}

const GPU_UUID = /^(?:GPU|MIG)-[0-9A-Za-z/-]{1,80}$/u;

/** Reads an envelope from JSON strictly, all problems at once. */
export function readSealEnvelope(value: unknown): Read<SealEnvelope> {
  const fields = new FieldReader(value, ["schema", "shard", "context", "key_id", "mac"]);
  fields.text("schema", "vrx_seal_v2", (text) => text === "vrx_seal_v2");
  const shard = readSealedShard(fields.raw("shard"), "/shard");
  if (shard.status === "invalid") fields.issues.push(...shard.issues);
  const context = readSealContext(fields.raw("context"), "/context", fields);
  const key_id = fields.text("key_id", "the id of a key", (text) => text.length > 0 && text.length <= 256);
  const mac = fields.nullable("mac", () =>
    fields.text("mac", "hexadecimal digits, or null", (text) => fromHex(text) !== null),
  );
  return fields.result(() => {
    if (shard.status === "invalid") throw new Error("issues were lost");
    return { schema: "vrx_seal_v2", shard: shard.value, context, key_id, mac };
  });
}

function readSealContext(value: unknown, pointer: string, { issues }: FieldReader): SealContext {
  const fields = new FieldReader(value, ["model_ref", "gpu_uuid", "boot_nonce", "tree_digest"], pointer, issues);
  const digits = "64 lowercase hexadecimal digits";
  return {
    model_ref: fields.nullable("model_ref", () =>
      fields.text("model_ref", "at most 1024 characters", (text) => text.length <= 1024),
    ),
    gpu_uuid: fields.text("gpu_uuid", "GPU-<uuid> or MIG-<uuid>", (text) => GPU_UUID.test(text)),
    boot_nonce: fields.text("boot_nonce", digits, isDigest),
    tree_digest: fields.text("tree_digest", digits, isDigest),
  };
}
