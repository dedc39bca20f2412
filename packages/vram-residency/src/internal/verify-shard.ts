import { invalidInput } from "../errors.js";
import { leafCount } from "../host-digest.js";
import type { SweepOptions, Verification, VerifyOptions } from "../manager-options.js";
import type { SealedShardFields, VerificationFailure, VerificationTier } from "../verify/index.js";
import { checkDescriptor } from "./check-descriptor.js";
import { driverFailure } from "./driver-failure.js";
import { type ManagerCore, timeOf } from "./manager-core.js";
import { sweepShards } from "./sweep.js";
import { type BytesVerdict, verifyBytes } from "./verify-bytes.js";

const DEFAULT_LEAVES = 1000;

interface FailureFacts {
  readonly expected_digest?: string;
  readonly actual_digest?: string;
  readonly message?: string;
}

/** The descriptor against its tag, the allocation against what the driver says, then bytes as far as the tier goes. */
export async function verifyShard(
  core: ManagerCore,
  shard: SealedShardFields,
  options: VerifyOptions,
): Promise<Verification> {
  core.life.requireNotDisposed();
  const started = performance.now();
  const began_at = timeOf(core);
  const { tier = "tree", leaves = DEFAULT_LEAVES, incremental = false, signal, correlation_id } = options;
  if (!Number.isSafeInteger(leaves) || leaves < 1)
    throw invalidInput(`leaves: expected a whole number above 0, found ${leaves}`);
  const failed = (reason: VerificationFailure, found: FailureFacts = {}): Verification =>
    reportFailure(core, shard, { tier, reason, started, correlation_id, ...found });
  const record = core.records.get(shard.shard_id);
  let early: VerificationFailure | null;
  let found: BytesVerdict;
  try {
    early = checkDescriptor(core, shard, record, options.maxAge_s);
    if (early !== null || record === undefined) return failed(early ?? "unknown_allocation");
    found = await verifyBytes(record, core.hasher, { tier, leaves, incremental, signal });
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
  core.counts.verified("success", (performance.now() - started) / 1000);
  core.audit({ event_type: "SealVerified", shard_id, tier }, correlation_id);
  core.logger.debug({ shard_id, result: "pass", tier, correlation_id }, "seal verified");
  return {
    status: "verified",
    shard_id,
    tier,
    assumption: found.assumption,
    began_at,
    ended_at: timeOf(core),
    leaves_checked: found.leaves_checked,
    leaves_total: leafCount(vram_bytes),
    miss_probability_one_leaf: found.miss_probability_one_leaf,
  };
}

/** Sweeps until the signal; a shard that differs fails as one that somebody verified, and is passed on. */
export function sweepInBackground(core: ManagerCore, options: SweepOptions, signal: AbortSignal): void {
  const { every_s, share = 1 } = options;
  if (!(share > 0 && share <= 1)) throw invalidInput(`share: expected a number above 0 and up to 1, found ${share}`);
  if (!(every_s >= 0)) throw invalidInput(`every_s: expected seconds, found ${every_s}`);
  void sweepShards(core, options, signal, (record, finding, started) => {
    record.verified_in_full = false;
    const facts = finding.reason === "digest_mismatch" ? finding.found : { message: finding.message };
    const { reason } = finding;
    reportFailure(core, record.shard, { tier: "tree", reason, started, correlation_id: undefined, ...facts });
    options.onFailure?.(record.shard);
  });
}

/** Counts, audits and logs a failed verification. */
function reportFailure(
  core: ManagerCore,
  { shard_id }: Pick<SealedShardFields, "shard_id">,
  facts: FailureFacts & {
    readonly tier: VerificationTier;
    readonly reason: VerificationFailure;
    readonly started: number;
    readonly correlation_id: string | undefined;
  },
): Verification {
  const { tier, reason, correlation_id, expected_digest = null, actual_digest = null, message = null } = facts;
  core.counts.verified("failure", (performance.now() - facts.started) / 1000);
  const event = { shard_id, tier, reason, expected_digest, actual_digest, severity: "critical" } as const;
  core.audit({ event_type: "SealVerificationFailed", ...event }, correlation_id);
  core.flushAudit();
  core.logger.error({ shard_id, result: "fail", reason, tier, correlation_id }, "seal verification failed");
  return { status: "failed", shard_id, tier, reason, message };
}
