import { randomBytes } from "node:crypto";
import {
  type BufferExport,
  type Context,
  type DeviceBuffer,
  type DeviceFacts,
  type TreeHasher,
  importBuffer,
  measureVerity,
  nvmlOfDevice,
  openDevice,
  openTreeHasher,
} from "@vrx/native-cuda";
import { sealKeySigner, signAttestation } from "./attest.js";
import { VramResidencyError, verificationError } from "./errors.js";
import { HostDigest, leafCount } from "./host-digest.js";
import { checkDescriptor } from "./internal/check-descriptor.js";
import { driverFailure } from "./internal/driver-failure.js";
import { verityRefused } from "./internal/expected-verity.js";
import { loadModel } from "./internal/load-model.js";
import type { ShardRecord } from "./internal/shard-record.js";
import { type ManagerCore, type OpenedDevice, makeCore, migMode, timeOf, withSignal } from "./internal/manager-core.js";
import {
  alertViolation,
  checkAllocation,
  policyViolation,
  reportPolicy,
  violationsNow,
} from "./internal/policy-watch.js";
import {
  type ShardPlace,
  type UnsealedModel,
  freeShard,
  registerShard,
  releaseShard,
} from "./internal/shard-registry.js";
import { describeResidency } from "./internal/statement.js";
import { sweepShards } from "./internal/sweep.js";
import { digestTensors, readTensorRanges } from "./internal/tensor-digests.js";
import { type BytesVerdict, verifyBytes } from "./internal/verify-bytes.js";
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
  type VerificationFailure,
  type VerificationTier,
  isDigest,
  isShardId,
} from "./verify/index.js";
import { shardPlaceIssue } from "./verify/sealed-shard.js";
import type { VramMetrics } from "./vram-metrics.js";
import { type WorkerState, canTransition } from "./worker-state.js";

const DEFAULT_LEAVES = 1000;
const READ_BYTES = 8 * 2 ** 20;

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
  readonly #options: VramManagerOptions;
  readonly #core: ManagerCore;
  readonly #background = new AbortController();
  readonly #atExit: () => void;
  #state: WorkerState = "starting";
  #loading = 0;
  #lastCheck: { readonly at_ms: number; readonly violations: readonly PolicyCheck[] } | null = null;
  #lowVram = false;
  #disposed = false;

  /** Use `createVramManager`. */
  constructor(options: VramManagerOptions, opened: OpenedDevice) {
    this.#options = options;
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
    return this.#state;
  }

  /** Bytes that can still be sealed: by capacity, and by what the device has free beyond the headroom. */
  availableVram(): number {
    this.#requireNotDisposed();
    return this.#core.budget.available_bytes;
  }

  /** Bytes that the device has in all, never fewer than are available. */
  totalVram(): number {
    this.#requireNotDisposed();
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
    return await this.#seal(source, options, null);
  }

  /** The same for one part of a tensor-parallel model; index and total are signed. */
  async sealModelShard(
    source: ModelSource,
    shard_index: number,
    total_shards: number,
    options: SealOptions = {},
  ): Promise<SealedHandle> {
    const issue = shardPlaceIssue(shard_index, total_shards);
    if (issue !== null) throw invalid(`expected ${issue.expected}, found ${issue.found}`);
    return await this.#seal(source, options, { shard_index, total_shards });
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
    this.#requireServing();
    const shard_id = this.#chooseId(options.shard_id);
    const { signal, correlation_id } = options;
    requireExpected(options.expected);
    if (options.expected?.fs_verity === true) throw verityRefused("verity_not_a_file", "another process holds it");
    if (tensors.length === 0)
      throw invalid("expected at least one tensor with its digest: without them nothing is compared");
    const { context, hasher } = this.#core;
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
      await this.#requireIntact(
        model,
        null,
        options,
        "the bytes changed while they were adopted: somebody writes to them",
      );
      return registerShard(this.#core, model, {
        model_ref: options.model_ref ?? null,
        duplicates: "allow",
        correlation_id,
      });
    } catch (error) {
      buffer?.dispose();
      throw this.#sealFailed(shard_id, driverFailure(error, "adopt"), correlation_id);
    }
  }

  /**
   * Checks that a shard is what was sealed here, as far as the tier goes: the descriptor against its tag, the allocation
   * against what the driver says, then bytes. The first thing that fails is the reason; every failure is audited.
   */
  async verifySealed(shard: SealedShardFields, options: VerifyOptions = {}): Promise<Verification> {
    this.#requireNotDisposed();
    const started = performance.now();
    const began_at = timeOf(this.#core);
    const { tier = "tree", leaves = DEFAULT_LEAVES, incremental = false, signal, correlation_id } = options;
    if (!Number.isSafeInteger(leaves) || leaves < 1)
      throw invalid(`leaves: expected a whole number above 0, found ${leaves}`);
    const failed = (reason: VerificationFailure, found: FailureFacts = {}): Verification =>
      this.#verificationFailed(shard, { tier, reason, started, correlation_id, ...found });
    const record = this.#core.records.get(shard.shard_id);
    let early: VerificationFailure | null;
    let found: BytesVerdict;
    try {
      early = checkDescriptor(this.#core, shard, record, options.maxAge_s);
      if (early !== null || record === undefined) return failed(early ?? "unknown_allocation");
      found = await verifyBytes(record, this.#core.hasher, { tier, leaves, incremental, signal });
    } catch (error) {
      const failure = driverFailure(error, "hash");
      if (failure.code === "aborted") throw failure;
      if (record !== undefined) record.verified_in_full = false;
      return failed("read_failure", { message: failure.message });
    }
    if (found.status === "different") {
      record.verified_in_full = false;
      return failed("digest_mismatch", found);
    }
    const { shard_id, vram_bytes } = record.shard;
    if (found.leaves_checked === leafCount(vram_bytes)) record.verified_in_full = true;
    this.#core.counts.verified("success", (performance.now() - started) / 1000);
    this.#core.audit({ event_type: "SealVerified", shard_id, tier }, correlation_id);
    this.#core.logger.debug({ shard_id, result: "pass", tier, correlation_id }, "seal verified");
    return {
      status: "verified",
      shard_id,
      tier,
      assumption: found.assumption,
      began_at,
      ended_at: timeOf(this.#core),
      leaves_checked: found.leaves_checked,
      leaves_total: leafCount(vram_bytes),
      miss_probability_one_leaf: found.miss_probability_one_leaf,
    };
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
    if (!isDigest(nonce)) throw invalid("nonce: expected 32 bytes as 64 hexadecimal digits");
    const verification = await this.requireSealed(shard, options);
    const record = this.#requireRecord(shard.shard_id);
    const policy = this.policyReport();
    if (policy.violated.length > 0) throw this.#policyError(policy.violated);
    const { statement, reporter } = await describeResidency(this.#core, record, { nonce, verification, policy });
    const signers = this.#options.signers ?? [sealKeySigner(this.#core.keys.current())];
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
    if (violated.length > 0) throw this.#policyError(violated);
  }

  /** Every check of the policy as it comes out now, over the device and all allocations. */
  policyReport(): PolicyReport {
    this.#requireNotDisposed();
    return reportPolicy(this.#core);
  }

  /** What the monitor found last. */
  health(): ResidencyHealth {
    const violations = this.#lastCheck?.violations ?? [];
    const resident = violations.length === 0;
    return {
      status: resident && this.#state !== "stopped" ? "healthy" : "unhealthy",
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
    const { every_s, share = 1 } = options;
    if (!(share > 0 && share <= 1)) throw invalid(`share: expected a number above 0 and up to 1, found ${share}`);
    if (!(every_s >= 0)) throw invalid(`every_s: expected seconds, found ${every_s}`);
    const stopped = new AbortController();
    const signal = AbortSignal.any([stopped.signal, this.#background.signal]);
    void sweepShards(this.#core, options, signal, (record, finding, started) => {
      record.verified_in_full = false;
      const facts = finding.reason === "digest_mismatch" ? finding.found : { message: finding.message };
      this.#verificationFailed(record.shard, {
        tier: "tree",
        reason: finding.reason,
        started,
        correlation_id: undefined,
        ...facts,
      });
      options.onFailure?.(record.shard);
    });
    return { [Symbol.dispose]: () => stopped.abort() };
  }

  /** Moves the worker on; throws `worker_stopped` for a way that is not there. */
  transition(to: WorkerState): void {
    if (to === this.#state) return;
    if (!canTransition(this.#state, to)) {
      throw new VramResidencyError("worker_stopped", `a worker that is ${this.#state} cannot become ${to}`);
    }
    this.#state = to;
  }

  metrics(): VramMetrics {
    const { context, budget, counts, records } = this.#core;
    const { audit } = this.#options;
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
    if (this.#disposed) return;
    this.#background.abort();
    await this.#core.context.synchronize().catch(() => undefined);
    this.#shutDown("disposed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #seal(source: ModelSource, options: SealOptions, place: ShardPlace): Promise<SealedHandle> {
    this.#requireServing();
    const { budget, context } = this.#core;
    const shard_id = this.#chooseId(options.shard_id);
    requireExpected(options.expected);
    const { signal, correlation_id } = options;
    let model: UnsealedModel | null = null;
    this.#enterLoading();
    try {
      const { kernel_digest, ...loaded } = await loadModel(source, {
        context,
        budget,
        label: shard_id,
        bytes: options.bytes ?? null,
        max_bytes: this.#options.max_model_bytes ?? Number.MAX_SAFE_INTEGER,
        onAllocated: (bytes) => this.#auditAllocation(shard_id, bytes, correlation_id),
        signal,
        onProgress: options.onProgress,
        measureVerity: options.expected?.fs_verity === true ? (this.#options.measureVerity ?? measureVerity) : null,
      });
      model = { shard_id, ...loaded, tensors: [], place };
      this.#requireServing();
      await this.#requireIntact(
        model,
        kernel_digest,
        options,
        "what arrived on the device is not what was sent: the copy is bad, and nothing was sealed",
      );
      model = { ...model, tensors: await this.#tensors(model, options) };
      this.#requireServing();
      const { duplicates = this.#options.duplicates ?? "return-existing", model_ref = null } = options;
      const handle = registerShard(this.#core, model, { model_ref, duplicates, correlation_id });
      this.#watchLowVram();
      return handle;
    } catch (error) {
      if (model !== null && !this.#disposed) freeShard(this.#core, model, correlation_id);
      throw this.#sealFailed(shard_id, driverFailure(error, "copy"), correlation_id);
    } finally {
      this.#leaveLoading();
    }
  }

  /** The policy, the device's hash against the host's, and what the caller and the kernel expect. */
  async #requireIntact(
    { buffer, digests }: UnsealedModel,
    kernel_digest: string | null,
    { expected, signal }: Pick<SealOptions, "expected" | "signal">,
    otherwise: string,
  ): Promise<void> {
    const violated = checkAllocation(this.#core, buffer, digests.bytes).filter(({ outcome }) => outcome === "violated");
    if (violated.length > 0) throw this.#policyError(violated);
    const { digest: arrived } = await this.#core.hasher.hash(buffer, { bytes: digests.bytes, ...withSignal(signal) });
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

  async #tensors(
    { buffer, digests }: UnsealedModel,
    { tensors, signal }: SealOptions,
  ): Promise<readonly TensorDigest[]> {
    if (tensors === undefined) return [];
    const ranges = tensors === "safetensors" ? await readTensorRanges(buffer, digests.bytes, signal) : tensors;
    return await digestTensors(this.#core.hasher, buffer, digests.bytes, ranges, signal);
  }

  #sealFailed(shard_id: string, failure: VramResidencyError, correlation_id: string | undefined): VramResidencyError {
    const { counts } = this.#core;
    const gpu_device = this.device.ordinal;
    const { code, message: reason } = failure;
    counts.seal_operations.failure++;
    this.#core.logger.error({ shard_id, code, correlation_id }, "sealing failed");
    if (code === "insufficient_vram" || code === "cuda_allocation_failed") {
      counts.allocation_failures[code === "insufficient_vram" ? "insufficient_vram" : "driver"]++;
      const requested_bytes = Number(failure.details["needed_bytes"] ?? 0);
      const available_bytes = this.#disposed ? 0 : this.availableVram();
      const facts = { gpu_device, requested_bytes, available_bytes, reason };
      this.#core.audit({ event_type: "VramAllocationFailed", ...facts }, correlation_id);
    } else if (code !== "invalid_input") {
      this.#core.audit({ event_type: "SealFailed", shard_id, gpu_device, reason }, correlation_id);
    }
    return failure;
  }

  #auditAllocation(shard_id: string, bytes: number, correlation_id: string | undefined): void {
    const gpu_device = this.device.ordinal;
    const facts = {
      requested_bytes: bytes,
      allocated_bytes: bytes,
      available_bytes: this.availableVram(),
      used_bytes: this.usedVram(),
    };
    this.#core.audit({ event_type: "VramAllocated", shard_id, gpu_device, ...facts }, correlation_id);
    this.#core.logger.info({ shard_id, ...facts, correlation_id }, "VRAM allocated");
  }

  #verificationFailed(
    { shard_id }: Pick<SealedShardFields, "shard_id">,
    facts: FailureFacts & {
      readonly tier: VerificationTier;
      readonly reason: VerificationFailure;
      readonly started: number;
      readonly correlation_id: string | undefined;
    },
  ): Verification {
    const { tier, reason, correlation_id, expected_digest = null, actual_digest = null, message = null } = facts;
    this.#core.counts.verified("failure", (performance.now() - facts.started) / 1000);
    const event = { shard_id, tier, reason, expected_digest, actual_digest, severity: "critical" } as const;
    this.#core.audit({ event_type: "SealVerificationFailed", ...event }, correlation_id);
    this.#core.flushAudit();
    this.#core.logger.error({ shard_id, result: "fail", reason, tier, correlation_id }, "seal verification failed");
    return { status: "failed", shard_id, tier, reason, message };
  }

  #policyError(violated: readonly PolicyCheck[]): VramResidencyError {
    alertViolation(this.#core, violated, "worker_stopped");
    this.#state = "stopped";
    return policyViolation(violated);
  }

  #watchLowVram(): void {
    const { budget, logger } = this.#core;
    const threshold_bytes = this.#options.low_vram_bytes ?? Math.floor(budget.capacity_bytes / 10);
    const { available_bytes } = budget;
    const low = available_bytes < threshold_bytes;
    if (low && !this.#lowVram) {
      const facts = { gpu_device: this.device.ordinal, available_bytes, threshold_bytes };
      this.#core.audit({ event_type: "LowVram", ...facts });
      logger.warn(facts, "VRAM is running low");
    }
    this.#lowVram = low;
  }

  #chooseId(given: string | undefined): string {
    const shard_id = given ?? (this.#options.makeShardId ?? randomShardId)();
    if (!isShardId(shard_id)) {
      throw invalid(`shard_id: expected 1 to 256 of A-Z a-z 0-9 _ -, found ${JSON.stringify(shard_id.slice(0, 64))}`);
    }
    if (this.#core.records.has(shard_id)) throw invalid(`shard_id: ${shard_id} is sealed already`);
    return shard_id;
  }

  #requireRecord(shard_id: string): ShardRecord {
    this.#requireNotDisposed();
    const record = this.#core.records.get(shard_id);
    if (record === undefined) throw verificationError(shard_id, "unknown_allocation");
    return record;
  }

  #enterLoading(): void {
    this.#loading++;
    if (canTransition(this.#state, "loading")) this.#state = "loading";
  }

  #leaveLoading(): void {
    this.#loading--;
    if (this.#loading === 0 && this.#state === "loading") this.#state = "ready";
  }

  #requireServing(): void {
    this.#requireNotDisposed();
    if (this.#state !== "stopped" && this.#state !== "draining") return;
    throw new VramResidencyError("worker_stopped", `the worker is ${this.#state}: start another one`);
  }

  #requireNotDisposed(): void {
    if (this.#disposed) throw new VramResidencyError("disposed", "the manager was disposed of");
  }

  /** The synchronous part of the end, which also runs when the process exits. */
  #shutDown(reason: string): void {
    if (this.#disposed) return;
    const { context, hasher, keys, records, logger } = this.#core;
    for (const [shard_id, { buffer, reservation }] of records)
      freeShard(this.#core, { shard_id, buffer, reservation }, undefined);
    records.clear();
    this.#disposed = true;
    this.#state = "stopped";
    process.removeListener("exit", this.#atExit);
    this.#core.audit({ event_type: "WorkerStopped", reason });
    const last = [
      () => hasher.dispose(),
      () => context.dispose(),
      () => keys[Symbol.dispose](),
      () => this.#options.audit?.close(),
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

interface FailureFacts {
  readonly expected_digest?: string;
  readonly actual_digest?: string;
  readonly message?: string;
}

function randomShardId(): string {
  return `shard-${randomBytes(16).toString("hex")}`;
}

function requireExpected(expected: SealOptions["expected"]): void {
  const { digest, tree_digest } = expected ?? {};
  for (const [key, value] of Object.entries({ digest, tree_digest })) {
    if (value !== undefined && !isDigest(value))
      throw invalid(`expected.${key}: expected 64 lowercase hexadecimal digits`);
  }
}

function invalid(message: string): VramResidencyError {
  return new VramResidencyError("invalid_input", message);
}
