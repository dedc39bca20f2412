import { equalBytes } from "../verify/bytes.js";
import { type SealedShardFields, type VerificationFailure, sealMessageV2 } from "../verify/index.js";
import { readSealedShard, shardFields } from "../verify/sealed-shard.js";
import type { ManagerCore } from "./manager-core.js";
import type { ShardRecord } from "./shard-record.js";

/** Seals may be this far from the future, for clocks that differ. */
const FUTURE_SKEW_S = 60;

/**
 * Everything about a shard that can be checked without a look at its bytes, in a fixed order: the descriptor, its tag, the
 * allocation, the device, the length, the age. The first thing that fails, or null.
 */
export function checkDescriptor(
  core: ManagerCore,
  shard: SealedShardFields,
  record: ShardRecord | undefined,
  maxAge_s: number | undefined,
): VerificationFailure | null {
  if (shard.digest === "") return "not_sealed";
  if (readSealedShard(shardFields(shard)).status === "invalid") return "signature_mismatch";
  if (record === undefined) return "unknown_allocation";
  const key = core.keys.find(record.key_id);
  if (key === null || !equalBytes(record.tag, key.mac(sealMessageV2(shard, record.context))))
    return "signature_mismatch";
  if (record.buffer.disposed) return "unknown_allocation";
  const { device } = core.context;
  const facts = record.buffer.facts();
  if (record.context.gpu_uuid !== device.uuid) return "device_mismatch";
  if (facts.device_ordinal !== null && facts.device_ordinal !== shard.gpu_device) return "device_mismatch";
  const room = facts.range_bytes === null ? record.buffer.bytes : facts.range_bytes - (facts.range_offset ?? 0);
  if (Math.min(room, record.buffer.bytes) < shard.vram_bytes) return "size_mismatch";
  return isStale(core, shard, maxAge_s) ? "stale_seal" : null;
}

function isStale(core: ManagerCore, { sealed_at }: SealedShardFields, maxAge_s: number | undefined): boolean {
  if (maxAge_s === undefined) return false;
  const now = core.now();
  if (now === null || sealed_at === null) return true;
  const age_s = (now - Date.parse(sealed_at)) / 1000;
  return age_s > maxAge_s || age_s < -FUTURE_SKEW_S;
}
