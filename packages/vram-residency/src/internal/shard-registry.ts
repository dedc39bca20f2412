import type { DeviceBuffer } from "@vrx/native-cuda";
import { VramResidencyError } from "../errors.js";
import type { HostDigests } from "../host-digest.js";
import type { DuplicatePolicy } from "../manager-options.js";
import type { TensorDigest } from "../safetensors.js";
import { SealedHandle } from "../sealed-handle.js";
import { type SealContext, SealedShard, sealMessageV2 } from "../verify/index.js";
import type { Reservation } from "../vram-budget.js";
import type { ManagerCore } from "./manager-core.js";
import type { ShardRecord } from "./shard-record.js";

/** A part's place in a tensor-parallel model; null for a whole model. */
export type ShardPlace = { readonly shard_index: number; readonly total_shards: number } | null;

/** Bytes on the device that were checked and are to be signed for. */
export interface UnsealedModel {
  readonly shard_id: string;
  readonly buffer: DeviceBuffer;
  /** Null for bytes that another process holds. */
  readonly reservation: Reservation | null;
  readonly digests: HostDigests;
  readonly tensors: readonly TensorDigest[];
  readonly place: ShardPlace;
}

export interface RegisterOptions {
  readonly model_ref: string | null;
  readonly duplicates: DuplicatePolicy;
  readonly correlation_id: string | undefined;
}

/**
 * Signs for a model and keeps its record, or finds the one that is there. A second copy is wiped and freed once it is known
 * to be one.
 */
export function registerShard(core: ManagerCore, model: UnsealedModel, options: RegisterOptions): SealedHandle {
  const { shard_id, buffer, reservation, digests, place } = model;
  const { correlation_id, model_ref } = options;
  const known = options.duplicates === "allow" || reservation === null ? undefined : findTwin(core, model, model_ref);
  if (known !== undefined && options.duplicates === "reject") {
    const message = `these bytes are sealed already as ${known.shard.shard_id}: use it, or allow duplicates`;
    throw new VramResidencyError("duplicate_model", message, { details: { shard_id: known.shard.shard_id } });
  }
  if (known !== undefined) {
    freeShard(core, model, correlation_id);
    core.counts.seal_operations.success++;
    return holdShard(core, known, true);
  }
  const { device } = core.context;
  const now = core.now();
  const shard = new SealedShard({
    shard_id,
    gpu_device: device.ordinal,
    vram_bytes: digests.bytes,
    digest: digests.digest,
    sealed_at: now === null ? null : new Date(now).toISOString().replace(/\.\d{3}Z$/u, "Z"),
    shard_index: place?.shard_index ?? null,
    total_shards: place?.total_shards ?? null,
  });
  const { tree_digest } = digests;
  const context: SealContext = { model_ref, gpu_uuid: device.uuid, boot_nonce: core.boot_nonce, tree_digest };
  const key = core.keys.current();
  const record: ShardRecord = {
    shard,
    context,
    key_id: key.id,
    tag: key.mac(sealMessageV2(shard, context)),
    buffer,
    reservation,
    leaves: digests.leaves,
    tensors: model.tensors,
    verified_in_full: true,
    holders: 0,
  };
  core.records.set(shard_id, record);
  core.counts.seal_operations.success++;
  const { vram_bytes, digest, gpu_device } = shard;
  const adopted = reservation === null;
  const facts = { shard_id, gpu_device, vram_bytes, digest };
  core.audit({ event_type: "VramSealed", ...facts, tree_digest, key_id: key.id, adopted }, correlation_id);
  core.logger.info({ ...facts, correlation_id }, "model sealed");
  return holdShard(core, record, false);
}

/** A shard of the same bytes, place and name that is sealed here already. */
function findTwin(
  core: ManagerCore,
  { digests, place }: UnsealedModel,
  model_ref: string | null,
): ShardRecord | undefined {
  return [...core.records.values()].find(
    ({ shard, context, reservation }) =>
      reservation !== null &&
      shard.digest === digests.digest &&
      shard.vram_bytes === digests.bytes &&
      shard.shard_index === (place?.shard_index ?? null) &&
      shard.total_shards === (place?.total_shards ?? null) &&
      context.model_ref === model_ref,
  );
}

function holdShard(core: ManagerCore, record: ShardRecord, existing: boolean): SealedHandle {
  record.holders++;
  const { shard, tensors, context } = record;
  const facts = { shard, tree_digest: context.tree_digest, tensors, existing };
  const leaked = (): void => {
    // Whoever released by descriptor, or disposed of the manager, has let go of it in another way.
    if (core.records.get(shard.shard_id) !== record) return;
    const facts = { shard_id: shard.shard_id, vram_bytes: shard.vram_bytes };
    core.logger.warn(
      facts,
      "a sealed handle was collected and never disposed of: its bytes stay until they are released",
    );
  };
  return new SealedHandle(facts, () => releaseShard(core, record), leaked);
}

/** One holder less; the last one frees. */
export function releaseShard(core: ManagerCore, record: ShardRecord): void {
  record.holders--;
  const { shard_id } = record.shard;
  if (record.holders > 0 || core.records.get(shard_id) !== record) return;
  core.records.delete(shard_id);
  freeShard(core, { shard_id, ...record }, undefined);
}

/**
 * Wipes and frees; a failure is audited and logged and never thrown. What another process holds is unmapped and left as it
 * is.
 */
export function freeShard(
  core: ManagerCore,
  { shard_id, buffer, reservation }: Pick<UnsealedModel, "shard_id" | "buffer" | "reservation">,
  correlation_id: string | undefined,
): void {
  const gpu_device = core.context.device.ordinal;
  const failures: string[] = [];
  const attempt = (action: () => void): boolean => {
    try {
      action();
      return true;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
      return false;
    }
  };
  // Both are in the order of the default stream: the memory is wiped before it is given back.
  const scrubbed = reservation !== null && attempt(() => buffer.fill(0));
  attempt(() => buffer.dispose());
  reservation?.release();
  const [reason] = failures;
  if (reason !== undefined) {
    core.audit({ event_type: "VramDeallocationFailed", shard_id, gpu_device, reason }, correlation_id);
    core.logger.error({ shard_id, reason, correlation_id }, "VRAM could not be wiped or freed");
    return;
  }
  const freed_bytes = reservation?.bytes ?? 0;
  const remaining_bytes = core.budget.used_bytes;
  core.audit(
    { event_type: "VramDeallocated", shard_id, gpu_device, freed_bytes, remaining_bytes, scrubbed },
    correlation_id,
  );
  core.logger.info({ shard_id, freed_bytes, correlation_id }, "VRAM freed");
}
