import type { Context, Nvml, TreeHasher } from "@vrx/native-cuda";
import type { AuditEvent } from "../audit-event.js";
import type { Logger } from "../logger.js";
import type { KeyProvider } from "../seal-keys.js";
import type { VramBudget } from "../vram-budget.js";
import type { OperationCounts } from "../vram-metrics.js";
import type { ShardRecord } from "./shard-record.js";

/** What the parts of one manager share. */
export interface ManagerCore {
  readonly worker_id: string;
  readonly boot_nonce: string;
  readonly context: Context;
  readonly hasher: TreeHasher;
  /** Null where there is no NVML. */
  readonly nvml: Nvml | null;
  /** Whether the GPU is divided into slices; null where nobody says. */
  readonly mig_mode: boolean | null;
  readonly budget: VramBudget;
  readonly keys: KeyProvider;
  readonly logger: Logger;
  readonly counts: OperationCounts;
  readonly records: Map<string, ShardRecord>;
  /** Milliseconds since 1970; null where times are left out. */
  now(): number | null;
  audit(event: AuditEvent, correlation_id?: string): void;
  flushAudit(): void;
}

/** The time as evidence has it; null where times are left out. */
export function timeOf(core: ManagerCore): string | null {
  const now = core.now();
  return now === null ? null : new Date(now).toISOString();
}

/** The option `signal` where there is one. */
export function withSignal(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
