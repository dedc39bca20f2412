import type { VerificationFailure, VerificationTier } from "./verify/index.js";

/** What happens to VRAM and to seals, one event each. Digests and ids are told in full; keys and addresses never. */
export type AuditEvent =
  | {
      readonly event_type: "WorkerStarted";
      readonly boot_nonce: string;
      readonly gpu_uuid: string;
      readonly simulated: boolean;
    }
  | { readonly event_type: "WorkerStopped"; readonly reason: string }
  | {
      /** Written when a log is opened whose last writer did not close it. */
      readonly event_type: "UncleanShutdown";
      /** Bytes of an unfinished last line, which were cut off. */
      readonly torn_bytes: number;
      /** Shards that were allocated and neither freed nor given back; the driver freed them with their process. */
      readonly lost_shards: readonly string[];
    }
  | {
      readonly event_type: "VramAllocated";
      readonly shard_id: string;
      readonly gpu_device: number;
      readonly requested_bytes: number;
      readonly allocated_bytes: number;
      readonly available_bytes: number;
      readonly used_bytes: number;
    }
  | {
      readonly event_type: "VramAllocationFailed";
      readonly gpu_device: number;
      readonly requested_bytes: number;
      readonly available_bytes: number;
      readonly reason: string;
    }
  | {
      readonly event_type: "VramSealed";
      readonly shard_id: string;
      readonly gpu_device: number;
      readonly vram_bytes: number;
      readonly digest: string;
      readonly tree_digest: string;
      readonly key_id: string;
      /** Sealed where another process serves it, not copied. */
      readonly adopted: boolean;
    }
  | {
      readonly event_type: "SealFailed";
      readonly shard_id: string;
      readonly gpu_device: number;
      readonly reason: string;
    }
  | { readonly event_type: "SealVerified"; readonly shard_id: string; readonly tier: VerificationTier }
  | {
      readonly event_type: "SealVerificationFailed";
      readonly shard_id: string;
      readonly tier: VerificationTier;
      readonly reason: VerificationFailure;
      readonly expected_digest: string | null;
      readonly actual_digest: string | null;
      readonly severity: "critical";
    }
  | {
      readonly event_type: "ResidencyAttested";
      readonly shard_id: string;
      readonly nonce: string;
      readonly statement_sha256: string;
    }
  | {
      readonly event_type: "VramDeallocated";
      readonly shard_id: string;
      readonly gpu_device: number;
      readonly freed_bytes: number;
      readonly remaining_bytes: number;
      readonly scrubbed: boolean;
    }
  | {
      readonly event_type: "VramDeallocationFailed";
      readonly shard_id: string;
      readonly gpu_device: number;
      readonly reason: string;
    }
  | {
      readonly event_type: "PolicyViolation";
      readonly policy: "vram_only";
      readonly violation: string;
      readonly details: string;
      readonly severity: "critical";
      readonly action_taken: "worker_stopped" | "refused";
    }
  | {
      readonly event_type: "LowVram";
      readonly gpu_device: number;
      readonly available_bytes: number;
      readonly threshold_bytes: number;
    };

/** Takes events. It never throws and never holds up what is audited: what cannot be written is counted. */
export interface AuditSink {
  emit(event: AuditEvent, correlation_id?: string): void;
  /** Events that could not be written, in all and of those that matter most. */
  readonly emit_failures: number;
  readonly critical_emit_failures: number;
  /** Writes what is buffered to stable storage. */
  flush(): void;
  close(): void;
}

/** Events whose loss would hide something: they are on disk before `emit` returns. */
export function isCritical(event: AuditEvent): boolean {
  return event.event_type !== "SealVerified" && event.event_type !== "LowVram";
}
