import { randomBytes } from "node:crypto";
import { type BufferExport, type DeviceBuffer, importBuffer, measureVerity } from "@vrx/native-cuda";
import { VramResidencyError, invalidInput } from "../errors.js";
import { HostDigest } from "../host-digest.js";
import type { SealOptions } from "../manager-options.js";
import type { ModelSource } from "../model-source.js";
import type { TensorDigest } from "../safetensors.js";
import type { SealedHandle } from "../sealed-handle.js";
import { isDigest, isShardId } from "../verify/index.js";
import { driverFailure } from "./driver-failure.js";
import { verityRefused } from "./expected-verity.js";
import { loadModel } from "./load-model.js";
import { type ManagerCore, withSignal } from "./manager-core.js";
import { checkAllocation, stopForPolicy } from "./policy-watch.js";
import { type ShardPlace, type UnsealedModel, freeShard, registerShard } from "./shard-registry.js";
import { digestTensors, readTensorRanges } from "./tensor-digests.js";

const READ_BYTES = 8 * 2 ** 20;

/** Copies a model to the device, checks what arrived there, and signs for it; what fails leaves nothing behind. */
export async function sealModel(
  core: ManagerCore,
  source: ModelSource,
  options: SealOptions,
  place: ShardPlace,
): Promise<SealedHandle> {
  const { budget, context, life, settings } = core;
  life.requireServing();
  const shard_id = chooseId(core, options.shard_id);
  requireExpected(options.expected);
  const { signal, correlation_id } = options;
  return await life.whileLoading(async () => {
    let model: UnsealedModel | null = null;
    try {
      const { kernel_digest, ...loaded } = await loadModel(source, {
        context,
        budget,
        label: shard_id,
        bytes: options.bytes ?? null,
        max_bytes: settings.max_model_bytes ?? Number.MAX_SAFE_INTEGER,
        onAllocated: (bytes) => auditAllocation(core, shard_id, bytes, correlation_id),
        signal,
        onProgress: options.onProgress,
        measureVerity: options.expected?.fs_verity === true ? (settings.measureVerity ?? measureVerity) : null,
      });
      model = { shard_id, ...loaded, tensors: [], place };
      life.requireServing();
      await requireIntact(
        core,
        model,
        kernel_digest,
        options,
        "what arrived on the device is not what was sent: the copy is bad, and nothing was sealed",
      );
      model = { ...model, tensors: await tensorsOf(core, model, options) };
      life.requireServing();
      const { duplicates = settings.duplicates ?? "return-existing", model_ref = null } = options;
      const handle = registerShard(core, model, { model_ref, duplicates, correlation_id });
      core.watchLowVram();
      return handle;
    } catch (error) {
      if (model !== null && !life.disposed) freeShard(core, model, correlation_id);
      throw sealFailed(core, shard_id, driverFailure(error, "copy"), correlation_id);
    }
  });
}

/** Maps what another process holds, compares it with digests from when it was loaded, and signs for it. */
export async function adoptModel(
  core: ManagerCore,
  source: string | BufferExport,
  tensors: readonly TensorDigest[],
  options: Pick<SealOptions, "shard_id" | "model_ref" | "expected" | "signal" | "correlation_id">,
): Promise<SealedHandle> {
  core.life.requireServing();
  const shard_id = chooseId(core, options.shard_id);
  const { signal, correlation_id } = options;
  requireExpected(options.expected);
  if (options.expected?.fs_verity === true) throw verityRefused("verity_not_a_file", "another process holds it");
  if (tensors.length === 0)
    throw invalidInput("expected at least one tensor with its digest: without them nothing is compared");
  const { context, hasher } = core;
  let buffer: DeviceBuffer | null = null;
  try {
    buffer = await importBuffer(context, source, { access: "read", ...withSignal(signal) });
    const found = await digestTensors(hasher, buffer, buffer.bytes, tensors, signal);
    const changed = tensors.filter(({ tree_digest }, i) => found[i]?.tree_digest !== tree_digest);
    if (changed.length > 0) {
      const names = changed.map(({ name }) => JSON.stringify(name.slice(0, 80))).join(", ");
      throw new VramResidencyError("integrity_violation", `not what was loaded: ${names}`);
    }
    using host = new HostDigest();
    for await (const chunk of buffer.chunks({ chunk_bytes: READ_BYTES, ...withSignal(signal) }))
      await host.update(chunk);
    const model = { shard_id, buffer, reservation: null, digests: await host.finish(), tensors: found, place: null };
    await requireIntact(
      core,
      model,
      null,
      options,
      "the bytes changed while they were adopted: somebody writes to them",
    );
    return registerShard(core, model, {
      model_ref: options.model_ref ?? null,
      duplicates: "allow",
      correlation_id,
    });
  } catch (error) {
    buffer?.dispose();
    throw sealFailed(core, shard_id, driverFailure(error, "adopt"), correlation_id);
  }
}

/** The policy, the device's hash against the host's, and what the caller and the kernel expect. */
async function requireIntact(
  core: ManagerCore,
  { buffer, digests }: UnsealedModel,
  kernel_digest: string | null,
  { expected, signal }: Pick<SealOptions, "expected" | "signal">,
  otherwise: string,
): Promise<void> {
  const violated = checkAllocation(core, buffer, digests.bytes).filter(({ outcome }) => outcome === "violated");
  if (violated.length > 0) throw stopForPolicy(core, violated);
  const { digest: arrived } = await core.hasher.hash(buffer, { bytes: digests.bytes, ...withSignal(signal) });
  if (arrived !== digests.tree_digest) {
    const details = { sent: digests.tree_digest, arrived };
    throw new VramResidencyError("integrity_violation", otherwise, { details });
  }
  const { digest, tree_digest } = digests;
  for (const [what, wanted, found] of [
    ["digest", expected?.digest, digest],
    ["tree_digest", expected?.tree_digest, tree_digest],
    ["fs_verity", kernel_digest ?? undefined, tree_digest],
  ] as const) {
    if (wanted === undefined || wanted === found) continue;
    const message = `the model is not the one that was expected: its ${what} is ${found}, expected ${wanted}`;
    const details = { expected: wanted, found, reason: `unexpected_${what}` };
    throw new VramResidencyError("integrity_violation", message, { details });
  }
}

async function tensorsOf(
  { hasher }: ManagerCore,
  { buffer, digests }: UnsealedModel,
  { tensors, signal }: SealOptions,
): Promise<readonly TensorDigest[]> {
  if (tensors === undefined) return [];
  const ranges = tensors === "safetensors" ? await readTensorRanges(buffer, digests.bytes, signal) : tensors;
  return await digestTensors(hasher, buffer, digests.bytes, ranges, signal);
}

/** Counts, logs and audits why nothing was sealed; the failure for the caller. */
function sealFailed(
  core: ManagerCore,
  shard_id: string,
  failure: VramResidencyError,
  correlation_id: string | undefined,
): VramResidencyError {
  const { counts, budget, life } = core;
  const gpu_device = core.context.device.ordinal;
  const { code, message: reason } = failure;
  counts.seal_operations.failure++;
  core.logger.error({ shard_id, code, correlation_id }, "sealing failed");
  if (code === "insufficient_vram" || code === "cuda_allocation_failed") {
    counts.allocation_failures[code === "insufficient_vram" ? "insufficient_vram" : "driver"]++;
    const requested_bytes = Number(failure.details["needed_bytes"] ?? 0);
    const available_bytes = life.disposed ? 0 : budget.available_bytes;
    const facts = { gpu_device, requested_bytes, available_bytes, reason };
    core.audit({ event_type: "VramAllocationFailed", ...facts }, correlation_id);
  } else if (code !== "invalid_input") {
    core.audit({ event_type: "SealFailed", shard_id, gpu_device, reason }, correlation_id);
  }
  return failure;
}

function auditAllocation(core: ManagerCore, shard_id: string, bytes: number, correlation_id: string | undefined): void {
  core.life.requireNotDisposed();
  const gpu_device = core.context.device.ordinal;
  const { available_bytes, used_bytes } = core.budget;
  const facts = { requested_bytes: bytes, allocated_bytes: bytes, available_bytes, used_bytes };
  core.audit({ event_type: "VramAllocated", shard_id, gpu_device, ...facts }, correlation_id);
  core.logger.info({ shard_id, ...facts, correlation_id }, "VRAM allocated");
}

function chooseId({ settings, records }: ManagerCore, given: string | undefined): string {
  const shard_id = given ?? (settings.makeShardId ?? randomShardId)();
  if (!isShardId(shard_id)) {
    throw invalidInput(
      `shard_id: expected 1 to 256 of A-Z a-z 0-9 _ -, found ${JSON.stringify(shard_id.slice(0, 64))}`,
    );
  }
  if (records.has(shard_id)) throw invalidInput(`shard_id: ${shard_id} is sealed already`);
  return shard_id;
}

function randomShardId(): string {
  return `shard-${randomBytes(16).toString("hex")}`;
}

function requireExpected(expected: SealOptions["expected"]): void {
  const { digest, tree_digest } = expected ?? {};
  for (const [key, value] of Object.entries({ digest, tree_digest })) {
    if (value !== undefined && !isDigest(value))
      throw invalidInput(`expected.${key}: expected 64 lowercase hexadecimal digits`);
  }
}
