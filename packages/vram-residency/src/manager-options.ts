import type { FileHandle } from "node:fs/promises";
import type { DriverOptions, VerityMeasurement } from "@vrx/native-cuda";
import type { AttestationSigner } from "./attest.js";
import type { AuditSink } from "./audit-event.js";
import type { Logger } from "./logger.js";
import type { PolicyCheck } from "./policy.js";
import type { TensorRange } from "./safetensors.js";
import type { KeyProvider } from "./seal-keys.js";
import type { SealedShard, VerificationEvidence, VerificationFailure, VerificationTier } from "./verify/index.js";

/** What a manager is made of; everything has a default. */
export interface VramManagerOptions {
  /** The GPU by its ordinal or UUID; 0 unless given. */
  readonly device?: number | string;
  /** The UUID that the GPU must have, whatever ordinal it is found by; the one it has when it is opened unless given. */
  readonly pinned_uuid?: string;
  /** Which driver; the system's unless given. This is how a fake one is used, and what is sealed on it says so. */
  readonly driver?: DriverOptions;
  /** The most that is sealed in all; what the device has unless given. */
  readonly capacity_bytes?: number;
  /** Kept free for others. `shared` keeps the largest of 2 GiB and a tenth of the device; 0 unless given. */
  readonly headroom?: number | "shared";
  /** Below so many available bytes a warning is logged and audited; a tenth of the capacity unless given. */
  readonly low_vram_bytes?: number;
  /** The largest model that is taken; any that fits unless given. */
  readonly max_model_bytes?: number;
  /** Where seal keys come from; a key of this process alone unless given. The manager disposes of it. */
  readonly keys?: KeyProvider;
  /** Who signs attestations beside or instead of the seal key. */
  readonly signers?: readonly AttestationSigner[];
  readonly audit?: AuditSink;
  readonly logger?: Logger;
  /** Milliseconds since 1970; null leaves times out of seals and evidence. The clock's unless given. */
  readonly clock?: (() => number) | null;
  readonly worker_id?: string;
  /** Makes the ids of shards whose caller names none. */
  readonly makeShardId?: () => string;
  /** 64 hexadecimal digits that bind seals to this manager; drawn unless given. For tests of determinism. */
  readonly boot_nonce?: string;
  /** What sealing the same bytes again does; `return-existing` unless given. */
  readonly duplicates?: DuplicatePolicy;
  /** Asks for the fs-verity digest of an open file; the kernel unless given. */
  readonly measureVerity?: (file: FileHandle) => Promise<VerityMeasurement>;
}

/** `return-existing`: the seal there is, held once more. `reject`: an error. `allow`: another seal and another copy. */
export type DuplicatePolicy = "return-existing" | "reject" | "allow";

/** What is to be sealed, beyond its bytes. */
export interface SealOptions {
  /** The id; made by the manager unless given. */
  readonly shard_id?: string;
  /** What the model is called; signed, and in no metric. */
  readonly model_ref?: string;
  /** How many bytes a stream will have. Without it the memory grows as they arrive. */
  readonly bytes?: number;
  /** What the bytes must be; sealing fails where they are not. */
  readonly expected?: ExpectedDigests;
  /** Digests per tensor: those of a safetensors file by its header, or ranges that the caller names. */
  readonly tensors?: "safetensors" | readonly TensorRange[];
  readonly duplicates?: DuplicatePolicy;
  readonly signal?: AbortSignal;
  readonly onProgress?: (copied_bytes: number) => void;
  /** Goes into logs and audit. */
  readonly correlation_id?: string;
}

/** Digests that sealed bytes must have: given by the caller, or asked of the kernel. */
export interface ExpectedDigests {
  readonly digest?: string;
  readonly tree_digest?: string;
  /**
   * The tree digest must be the one that the kernel has for the file (fs-verity), measured through the descriptor that the
   * bytes are read from. For files alone; the kernel's tree must be that of SHA-256 over blocks of 4096 bytes without salt.
   */
  readonly fs_verity?: boolean;
}

export interface VerifyOptions {
  /** `tree` unless given. */
  readonly tier?: VerificationTier;
  /** Leaves that the tier `leaves` draws; 1000 unless given. */
  readonly leaves?: number;
  /**
   * You rule out that anybody has written to the bytes since all of them were verified last (no other process on the GPU,
   * no kernel of yours that writes there): the tier `tree` then hashes nothing again, and the result says
   * `writes_ruled_out`. An attestation of it is refused unless its verifier allows the assumption.
   */
  readonly incremental?: boolean;
  /** Refuse seals older than so many seconds, and ones from the future. */
  readonly maxAge_s?: number;
  readonly signal?: AbortSignal;
  readonly correlation_id?: string;
}

/** What was looked at and found. It says how it was just now, and nothing of any later moment. */
export type Verification =
  | ({ readonly status: "verified"; readonly shard_id: string } & VerificationEvidence)
  | {
      readonly status: "failed";
      readonly shard_id: string;
      readonly tier: VerificationTier;
      readonly reason: VerificationFailure;
      /** The driver's words where it failed; null otherwise. */
      readonly message: string | null;
    };

/** The state of the VRAM-only policy as the background monitor last saw it. */
export interface ResidencyHealth {
  readonly status: "healthy" | "unhealthy";
  readonly resident: boolean;
  readonly vram_bytes_used: number;
  /** Seconds since the last check; null before the first. */
  readonly last_check_secs: number | null;
  readonly violations: readonly PolicyCheck[];
}

/** What `startMonitor` takes. */
export interface MonitorOptions {
  /** Seconds between two checks; 60 unless given. */
  readonly interval_s?: number;
  readonly onAlert?: (violations: readonly PolicyCheck[]) => void;
}

/** What `startSweep` takes. */
export interface SweepOptions {
  /** A full round over everything begins every so many seconds, or when the last one is done. */
  readonly every_s: number;
  /** Of the device's time, above 0 and up to 1; 0.01 unless given. */
  readonly share?: number;
  readonly onFailure?: (shard: SealedShard) => void;
}

/** Every check of the policy by its outcome. */
export interface PolicyReport {
  readonly proven: readonly PolicyCheck[];
  readonly notProvable: readonly PolicyCheck[];
  readonly violated: readonly PolicyCheck[];
}
