import { randomBytes } from "node:crypto";
import { type Context, type Nvml, type TreeHasher, readGpu } from "@vrx/native-cuda";
import type { AuditEvent } from "../audit-event.js";
import { VramResidencyError } from "../errors.js";
import { type Logger, silentLogger } from "../logger.js";
import type { VramManagerOptions } from "../manager-options.js";
import { type KeyProvider, fixedKeys, sealKey } from "../seal-keys.js";
import { isDigest } from "../verify/index.js";
import { VramBudget } from "../vram-budget.js";
import { OperationCounts } from "../vram-metrics.js";
import { lowVramWatch } from "./low-vram.js";
import type { ShardRecord } from "./shard-record.js";
import { WorkerLife } from "./worker-life.js";

/** What the parts of one manager share. */
export interface ManagerCore {
  readonly settings: VramManagerOptions;
  readonly life: WorkerLife;
  readonly worker_id: string;
  readonly boot_nonce: string;
  /** The device that the policy holds the manager to. */
  readonly pinned_uuid: string;
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
  watchLowVram(): void;
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

const GIB = 2 ** 30;

/** What a manager opened before it is one. */
export type OpenedDevice = Pick<ManagerCore, "context" | "hasher" | "nvml" | "mig_mode">;

/** Fills in what is not given, and refuses with `config_error` what means nothing. */
export function makeCore(options: VramManagerOptions, opened: OpenedDevice): ManagerCore {
  const { total_bytes } = opened.context.memoryInfo();
  const { capacity_bytes = total_bytes, headroom = 0, boot_nonce = randomBytes(32).toString("hex") } = options;
  // A shared GPU keeps a tenth of itself, or 2 GiB where that is more, for whoever else uses it.
  const headroom_bytes = headroom === "shared" ? Math.max(2 * GIB, Math.ceil(total_bytes / 10)) : headroom;
  for (const [name, value, least] of [
    ["capacity_bytes", capacity_bytes, 1],
    ["headroom", headroom_bytes, 0],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw new VramResidencyError(
      "config_error",
      `${name}: expected a whole number of bytes from ${least} on, found ${value}`,
    );
  }
  if (!isDigest(boot_nonce)) {
    throw new VramResidencyError("config_error", "boot_nonce: expected 64 lowercase hexadecimal digits");
  }
  const { clock = Date.now, audit, logger = silentLogger } = options;
  const budget = new VramBudget({
    capacity_bytes,
    headroom_bytes,
    deviceFree: () => opened.context.memoryInfo().free_bytes,
  });
  const emit: ManagerCore["audit"] = (event, correlation_id) => audit?.emit(event, correlation_id);
  const low_vram_bytes = options.low_vram_bytes ?? Math.floor(capacity_bytes / 10);
  return {
    ...opened,
    settings: options,
    life: new WorkerLife(),
    worker_id: options.worker_id ?? `worker-${process.pid}`,
    boot_nonce,
    pinned_uuid: options.pinned_uuid ?? opened.context.device.uuid,
    budget,
    keys: options.keys ?? fixedKeys([sealKey(randomBytes(32))]),
    logger,
    counts: new OperationCounts(),
    records: new Map(),
    now: () => (clock === null ? null : clock()),
    audit: emit,
    flushAudit: () => audit?.flush(),
    watchLowVram: lowVramWatch({ budget, logger, audit: emit, context: opened.context }, low_vram_bytes),
  };
}

/** Whether the GPU is divided into slices; null where NVML is not there or does not say. */
export async function migMode(nvml: Nvml | null, uuid: string): Promise<boolean | null> {
  if (nvml === null) return null;
  return await readGpu(nvml, uuid).then(
    ({ mig_mode }) => mig_mode,
    () => null,
  );
}
