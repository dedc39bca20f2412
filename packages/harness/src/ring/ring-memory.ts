import type { JsonObject } from "@vrx/objective-contract";

/** What is known of a ring run's memory, in bytes. */
export interface RingMemoryFacts {
  /** Before the run, from the sizes alone. */
  readonly predicted_bytes: number;
  /** What the engine says it allocated; null when it never did. */
  readonly held_bytes: number | null;
  /** Resident memory of the measuring process before the set-up, and the most that was seen. */
  readonly rss_before_bytes: number | null;
  readonly rss_peak_bytes: number | null;
}

/** The memory of a ring run for its artifacts: figures, and the prediction's error as (predicted - measured) / measured. */
export function ringMemory(facts: RingMemoryFacts): JsonObject {
  const { predicted_bytes, held_bytes, rss_before_bytes, rss_peak_bytes } = facts;
  const grown = rss_before_bytes === null || rss_peak_bytes === null ? null : rss_peak_bytes - rss_before_bytes;
  return {
    predicted_bytes: Number.isFinite(predicted_bytes) ? predicted_bytes : null,
    held_bytes,
    held_error: errorOf(predicted_bytes, held_bytes),
    rss_before_bytes,
    rss_peak_bytes,
    rss_growth_bytes: grown,
    rss_growth_error: errorOf(predicted_bytes, grown),
  };
}

function errorOf(predicted: number, measured: number | null): number | null {
  return measured === null || measured <= 0 || !Number.isFinite(predicted) ? null : (predicted - measured) / measured;
}
