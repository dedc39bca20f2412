import {
  type BufferExport,
  type Context,
  type DeviceFacts,
  type TreeHasher,
  nvmlOfDevice,
  openDevice,
  openTreeHasher,
} from "@vrx/native-cuda";
import { sealKeySigner, signAttestation } from "./attest.js";
import { invalidInput, verificationError } from "./errors.js";
import { driverFailure } from "./internal/driver-failure.js";
import { type ManagerCore, type OpenedDevice, makeCore, migMode } from "./internal/manager-core.js";
import { alertViolation, reportPolicy, stopForPolicy, violationsNow } from "./internal/policy-watch.js";
import { adoptModel, sealModel } from "./internal/seal-model.js";
import type { ShardRecord } from "./internal/shard-record.js";
import { freeShard, releaseShard } from "./internal/shard-registry.js";
import { describeResidency } from "./internal/statement.js";
import { digestTensors } from "./internal/tensor-digests.js";
import { sweepInBackground, verifyShard } from "./internal/verify-shard.js";
import type {
  MonitorOptions,
  PolicyReport,
  ResidencyHealth,
  SealOptions,
  SweepOptions,
  Verification,
  VerifyOptions,
  VramManagerOptions,
} from "./manager-options.js";
import type { ModelSource } from "./model-source.js";
import type { PolicyCheck } from "./policy.js";
import type { TensorDigest } from "./safetensors.js";
import type { SealedHandle } from "./sealed-handle.js";
import {
  type Attestation,
  type SealEnvelope,
  type SealedShard,
  type SealedShardFields,
  type VerificationEvidence,
  isDigest,
} from "./verify/index.js";
import { shardPlaceIssue } from "./verify/sealed-shard.js";
import type { VramMetrics } from "./vram-metrics.js";
import type { WorkerState } from "./worker-state.js";

/**
 * Makes a manager: `createVramManager()` for the first GPU, `{ capacity_bytes }` to take no more than that, `{ device }` for
 * a certain one. Throws `config_error` where there is no such device or an option is out of its range, `policy_violation`
 * where the device has no memory of its own or cannot promise that allocations stay in it.
 */
export async function createVramManager(options: VramManagerOptions = {}): Promise<VramManager> {
  let context: Context | null = null;
  let hasher: TreeHasher | null = null;
  try {
    const device = await openDevice(options.device ?? 0, options.driver);
    context = await device.openContext();
    hasher = await openTreeHasher(context);
    const nvml = await nvmlOfDevice(device).catch(() => null);
    const manager = new VramManager(options, { context, hasher, nvml, mig_mode: await migMode(nvml, device.uuid) });
    try {
      manager.enforceVramOnlyPolicy();
    } catch (error) {
      await manager.dispose();
      throw error;
    }
    return manager;
  } catch (error) {
    hasher?.dispose();
    context?.dispose();
    throw driverFailure(error, "open");
  }
}

/** Owns the VRAM of one worker on one GPU: seals model bytes in it, verifies and attests them, and accounts for every byte. */
export class VramManager implements AsyncDisposable {
  readonly #core: ManagerCore;
  readonly #background = new AbortController();
  readonly #atExit: () => void;
  #lastCheck: { readonly at_ms: number; readonly violations: readonly PolicyCheck[] } | null = null;

  /** Use `createVramManager`. */
  constructor(options: VramManagerOptions, opened: OpenedDevice) {
    this.#core = makeCore(options, opened);
    const { device } = opened.context;
    const { boot_nonce, logger } = this.#core;
    this.#core.audit({ event_type: "WorkerStarted", boot_nonce, gpu_uuid: device.uuid, simulated: device.simulated });
    if (device.simulated) {
      logger.warn({ gpu_uuid: device.uuid }, "the GPU is simulated: what is sealed or attested here proves nothing");
    }
    this.#atExit = () => this.#shutDown("process exit");
    process.once("exit", this.#atExit);
  }

  /** What the device is. */
  get device(): DeviceFacts {
    return this.#core.context.device;
  }

  get worker_id(): string {
    return this.#core.worker_id;
  }

  /** 64 hexadecimal digits that bind seals to this manager. */
  get boot_nonce(): string {
    return this.#core.boot_nonce;
  }

  get state(): WorkerState {
    return this.#core.life.state;
  }

  /** Bytes that can still be sealed: by capacity, and by what the device has free beyond the headroom. */
  availableVram(): number {
    this.#core.life.requireNotDisposed();
    return this.#core.budget.available_bytes;
  }

  /** Bytes that the device has in all, never fewer than are available. */
  totalVram(): number {
    this.#core.life.requireNotDisposed();
    return this.#core.context.memoryInfo().total_bytes;
  }

  /** Bytes of live shards and of models that are being copied. */
  usedVram(): number {
    return this.#core.budget.used_bytes;
  }

  /** Descriptors of what is sealed now. */
  shards(): readonly SealedShard[] {
    return [...this.#core.records.values()].map(({ shard }) => shard);
  }

  /**
   * Copies a model to the device and seals it: the device's own hash of what arrived is compared with the host's of what
   * was sent, and with what the caller expects, before anything is signed. Throws `invalid_input`, `insufficient_vram`,
   * `integrity_violation`, `duplicate_model`, `policy_violation` or the driver's failure; then nothing of it is left.
   */
  async sealModel(source: ModelSource, options: SealOptions = {}): Promise<SealedHandle> {
    return await sealModel(this.#core, source, options, null);
  }

  /** The same for one part of a tensor-parallel model; index and total are signed. */
  async sealModelShard(
    source: ModelSource,
    shard_index: number,
    total_shards: number,
    options: SealOptions = {},
  ): Promise<SealedHandle> {
    const issue = shardPlaceIssue(shard_index, total_shards);
    if (issue !== null) throw invalidInput(`expected ${issue.expected}, found ${issue.found}`);
    return await sealModel(this.#core, source, options, { shard_index, total_shards });
  }

  /**
   * Seals bytes that another process holds on this device, without a copy: they are mapped, read-only where the driver
   * grants it, and compared per tensor with digests that were taken when they were loaded. `source` is the socket of an
   * offer or an export. The other process must keep them; disposing of the handle unmaps them and leaves them as they are.
   */
  async adopt(
    source: string | BufferExport,
    tensors: readonly TensorDigest[],
    options: Pick<SealOptions, "shard_id" | "model_ref" | "expected" | "signal" | "correlation_id"> = {},
  ): Promise<SealedHandle> {
    return await adoptModel(this.#core, source, tensors, options);
  }

  /**
   * Checks that a shard is what was sealed here, as far as the tier goes: the descriptor against its tag, the allocation
   * against what the driver says, then bytes. The first thing that fails is the reason; every failure is audited.
   */
  async verifySealed(shard: SealedShardFields, options: VerifyOptions = {}): Promise<Verification> {
    return await verifyShard(this.#core, shard, options);
  }

  /** `verifySealed`, throwing where it fails: for callers who must not go on. */
  async requireSealed(shard: SealedShardFields, options: VerifyOptions = {}): Promise<VerificationEvidence> {
    const verification = await this.verifySealed(shard, options);
    if (verification.status === "failed") throw verificationError(verification.shard_id, verification.reason);
    const { tier, assumption, began_at, ended_at, leaves_checked, leaves_total, miss_probability_one_leaf } =
      verification;
    return { tier, assumption, began_at, ended_at, leaves_checked, leaves_total, miss_probability_one_leaf };
  }

  /** Hashes the tensors of a shard that has digests per tensor, and names those that are not what was sealed. */
  async verifyTensors(
    shard: Pick<SealedShardFields, "shard_id">,
    options: Pick<VerifyOptions, "signal"> = {},
  ): Promise<readonly string[]> {
    const { buffer, tensors, shard: own } = this.#requireRecord(shard.shard_id);
    const found = await digestTensors(this.#core.hasher, buffer, own.vram_bytes, tensors, options.signal);
    return tensors.filter(({ tree_digest }, i) => found[i]?.tree_digest !== tree_digest).map(({ name }) => name);
  }

  /**
   * Verifies a shard now and signs a statement about it over the caller's nonce (64 hexadecimal digits): descriptor,
   * digests, how it was verified, policy, device, driver. Throws where verification fails: there is no attestation of that.
   */
  async attestVramResidency(
    shard: SealedShardFields,
    options: VerifyOptions & { readonly nonce: string },
  ): Promise<Attestation> {
    const nonce = options.nonce.toLowerCase();
    if (!isDigest(nonce)) throw invalidInput("nonce: expected 32 bytes as 64 hexadecimal digits");
    const verification = await this.requireSealed(shard, options);
    const record = this.#requireRecord(shard.shard_id);
    const policy = this.policyReport();
    if (policy.violated.length > 0) throw stopForPolicy(this.#core, policy.violated);
    const { statement, reporter } = await describeResidency(this.#core, record, { nonce, verification, policy });
    const signers = this.#core.settings.signers ?? [sealKeySigner(this.#core.keys.current())];
    const { attestation, statement_sha256 } = await signAttestation(statement, signers, reporter);
    const { shard_id } = record.shard;
    this.#core.audit({ event_type: "ResidencyAttested", shard_id, nonce, statement_sha256 }, options.correlation_id);
    return attestation;
  }

  /**
   * Lets go of a shard by its descriptor, as disposing of one handle does: for whoever kept no handle. Throws
   * `integrity_violation` for what is not sealed here (any more).
   */
  release(shard: Pick<SealedShardFields, "shard_id">): void {
    releaseShard(this.#core, this.#requireRecord(shard.shard_id));
  }

  /** The seal of a shard as a signed envelope, which `verifySealEnvelope` checks with the worker's key and without a GPU. */
  sealEnvelope(shard: Pick<SealedShardFields, "shard_id">): SealEnvelope {
    const { shard: own, context, key_id, tag } = this.#requireRecord(shard.shard_id);
    return { schema: "vrx_seal_v2", shard: own, context, key_id, mac: Buffer.from(tag).toString("hex") };
  }

  /** Whether the device and every allocation pass the VRAM-only policy now. */
  isVramOnly(): boolean {
    return this.policyReport().violated.length === 0;
  }

  /** Throws `policy_violation` where they do not; that is audited, and the worker is stopped. */
  enforceVramOnlyPolicy(): void {
    const { violated } = this.policyReport();
    if (violated.length > 0) throw stopForPolicy(this.#core, violated);
  }

  /** Every check of the policy as it comes out now, over the device and all allocations. */
  policyReport(): PolicyReport {
    this.#core.life.requireNotDisposed();
    return reportPolicy(this.#core);
  }

  /** What the monitor found last. */
  health(): ResidencyHealth {
    const violations = this.#lastCheck?.violations ?? [];
    const resident = violations.length === 0;
    return {
      status: resident && this.state !== "stopped" ? "healthy" : "unhealthy",
      resident,
      vram_bytes_used: this.usedVram(),
      last_check_secs: this.#lastCheck === null ? null : Math.floor((performance.now() - this.#lastCheck.at_ms) / 1000),
      violations,
    };
  }

  /**
   * Checks the policy now and every so many seconds, until what it returns is disposed or the manager is. A violation is
   * audited as a security alert and passed on; health recovers by itself when the violation is gone.
   */
  startMonitor({ interval_s = 60, onAlert }: MonitorOptions = {}): Disposable {
    let alerted = false;
    const check = (): void => {
      const violations = violationsNow(this.#core);
      this.#lastCheck = { at_ms: performance.now(), violations };
      if (violations.length > 0 && !alerted) {
        alertViolation(this.#core, violations, "refused");
        onAlert?.(violations);
      }
      alerted = violations.length > 0;
    };
    check();
    const timer = setInterval(check, interval_s * 1000).unref();
    const stop = (): void => clearInterval(timer);
    this.#background.signal.addEventListener("abort", stop, { once: true });
    return { [Symbol.dispose]: stop };
  }

  /**
   * Verifies all bytes of all shards over and over in the background, at a bounded share of the device's time. A difference
   * is audited like any failed verification and passed on.
   */
  startSweep(options: SweepOptions): Disposable {
    const stopped = new AbortController();
    sweepInBackground(this.#core, options, AbortSignal.any([stopped.signal, this.#background.signal]));
    return { [Symbol.dispose]: () => stopped.abort() };
  }

  /** Moves the worker on; throws `worker_stopped` for a way that is not there. */
  transition(to: WorkerState): void {
    this.#core.life.transition(to);
  }

  metrics(): VramMetrics {
    const { context, budget, counts, records } = this.#core;
    const { audit } = this.#core.settings;
    return {
      gpu_device: context.device.ordinal,
      gpu_uuid: context.device.uuid,
      simulated: context.device.simulated,
      total_bytes: this.totalVram(),
      used_bytes: this.usedVram(),
      available_bytes: this.availableVram(),
      headroom_bytes: budget.headroom_bytes,
      live_shards: records.size,
      seal_operations: { ...counts.seal_operations },
      verify_operations: { ...counts.verify_operations },
      allocation_failures: { ...counts.allocation_failures },
      verify_seconds: counts.verify_seconds,
      audit_emit_failures: audit?.emit_failures ?? 0,
      audit_critical_emit_failures: audit?.critical_emit_failures ?? 0,
    };
  }

  /** Wipes and frees everything, ends what runs in the background, and closes the audit. Idempotent; never throws. */
  async dispose(): Promise<void> {
    if (this.#core.life.disposed) return;
    this.#background.abort();
    await this.#core.context.synchronize().catch(() => undefined);
    this.#shutDown("disposed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #requireRecord(shard_id: string): ShardRecord {
    this.#core.life.requireNotDisposed();
    const record = this.#core.records.get(shard_id);
    if (record === undefined) throw verificationError(shard_id, "unknown_allocation");
    return record;
  }

  /** The synchronous part of the end, which also runs when the process exits. */
  #shutDown(reason: string): void {
    const { context, hasher, keys, records, logger, life } = this.#core;
    if (life.disposed) return;
    for (const [shard_id, { buffer, reservation }] of records)
      freeShard(this.#core, { shard_id, buffer, reservation }, undefined);
    records.clear();
    life.end();
    process.removeListener("exit", this.#atExit);
    this.#core.audit({ event_type: "WorkerStopped", reason });
    const last = [
      () => hasher.dispose(),
      () => context.dispose(),
      () => keys[Symbol.dispose](),
      () => this.#core.settings.audit?.close(),
    ];
    for (const step of last) {
      try {
        step();
      } catch (error) {
        logger.error({ reason: String(error) }, "the manager could not end in order");
      }
    }
  }
}
