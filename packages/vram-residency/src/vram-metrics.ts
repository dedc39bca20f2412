/** Upper bounds of the buckets that verification times are counted in, in seconds. */
export const VERIFY_SECONDS_BUCKETS = [0.0001, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60] as const;

/** Figures of a manager at one moment. Nothing in them names a model or a digest. */
export interface VramMetrics {
  readonly gpu_device: number;
  readonly gpu_uuid: string;
  readonly simulated: boolean;
  readonly total_bytes: number;
  /** Held by this manager. */
  readonly used_bytes: number;
  /** What can still be sealed. */
  readonly available_bytes: number;
  readonly headroom_bytes: number;
  readonly live_shards: number;
  readonly seal_operations: { readonly success: number; readonly failure: number };
  readonly verify_operations: { readonly success: number; readonly failure: number };
  readonly allocation_failures: Readonly<Record<AllocationFailureReason, number>>;
  /** Verifications by how long they took: one count per bucket, and those beyond the last. */
  readonly verify_seconds: { readonly buckets: readonly number[]; readonly count: number; readonly sum: number };
  readonly audit_emit_failures: number;
  readonly audit_critical_emit_failures: number;
}

export type AllocationFailureReason = "insufficient_vram" | "driver";

/** Counts what a manager does. */
export class OperationCounts {
  readonly seal_operations = { success: 0, failure: 0 };
  readonly verify_operations = { success: 0, failure: 0 };
  readonly allocation_failures: Record<AllocationFailureReason, number> = { insufficient_vram: 0, driver: 0 };
  readonly #buckets: number[] = [...VERIFY_SECONDS_BUCKETS.map(() => 0), 0];
  #count = 0;
  #sum = 0;

  verified(outcome: "success" | "failure", seconds: number): void {
    this.verify_operations[outcome]++;
    const bucket = VERIFY_SECONDS_BUCKETS.findIndex((bound) => seconds <= bound);
    const at = bucket === -1 ? VERIFY_SECONDS_BUCKETS.length : bucket;
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1;
    this.#count++;
    this.#sum += seconds;
  }

  get verify_seconds(): VramMetrics["verify_seconds"] {
    return { buckets: [...this.#buckets], count: this.#count, sum: this.#sum };
  }
}
