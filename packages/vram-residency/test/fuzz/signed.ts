import { hmacSha256 } from "../../src/verify/bytes.js";
import { type SealEnvelope, SealedShard, sealMessageV2 } from "../../src/verify/index.js";

/** The key of what the corpus holds. */
export const corpusKey: Uint8Array = new Uint8Array(32).fill(7);

const shard = new SealedShard({
  shard_id: "shard-0",
  gpu_device: 0,
  vram_bytes: 4096,
  digest: "ab".repeat(32),
  sealed_at: "2026-01-31T12:00:00Z",
  shard_index: 0,
  total_shards: 2,
});
const context = {
  model_ref: "m",
  gpu_uuid: "GPU-00000000-0000-0000-0000-000000000001",
  boot_nonce: "01".repeat(32),
  tree_digest: "cd".repeat(32),
};

/** The one envelope of the corpus whose tag holds. */
export const sealedEnvelope: SealEnvelope = {
  schema: "vrx_seal_v2",
  shard,
  context,
  key_id: "k",
  mac: Array.from(hmacSha256(corpusKey, sealMessageV2(shard, context)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join(""),
};
