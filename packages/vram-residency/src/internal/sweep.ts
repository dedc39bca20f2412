import { leafCount } from "../host-digest.js";
import type { SweepOptions } from "../manager-options.js";
import { driverFailure } from "./driver-failure.js";
import type { ManagerCore } from "./manager-core.js";
import type { ShardRecord } from "./shard-record.js";
import { type DifferentBytes, SWEEP_LEAVES, compareLeaves } from "./verify-bytes.js";

/** What a sweep found wrong with a shard. */
export type SweepFinding =
  | { readonly reason: "digest_mismatch"; readonly found: DifferentBytes }
  | { readonly reason: "read_failure"; readonly message: string };

const DEFAULT_SHARE = 0.01;

/**
 * Verifies all shards slice by slice, round after round, until the signal. After each slice it pauses so that hashing takes
 * no more than its share of the time.
 */
export async function sweepShards(
  core: ManagerCore,
  { every_s, share = DEFAULT_SHARE }: SweepOptions,
  signal: AbortSignal,
  report: (record: ShardRecord, finding: SweepFinding, started: number) => void,
): Promise<void> {
  while (!signal.aborted) {
    const round = performance.now();
    for (const record of [...core.records.values()]) await sweepShard(core, record, share, signal, report);
    await pause(Math.max(1, every_s * 1000 - (performance.now() - round)), signal);
  }
}

async function sweepShard(
  core: ManagerCore,
  record: ShardRecord,
  share: number,
  signal: AbortSignal,
  report: (record: ShardRecord, finding: SweepFinding, started: number) => void,
): Promise<void> {
  const total = leafCount(record.shard.vram_bytes);
  for (let first = 0; first < total; first += SWEEP_LEAVES) {
    const isWanted = (): boolean => !signal.aborted && core.records.get(record.shard.shard_id) === record;
    if (!isWanted()) return;
    const started = performance.now();
    const indices = Array.from({ length: Math.min(SWEEP_LEAVES, total - first) }, (_, i) => first + i);
    try {
      const found = await compareLeaves(record, core.hasher, indices, signal);
      if (found !== null && isWanted()) {
        report(record, { reason: "digest_mismatch", found }, started);
        return;
      }
    } catch (error) {
      if (!isWanted()) return;
      report(record, { reason: "read_failure", message: driverFailure(error, "hash").message }, started);
      return;
    }
    await pause((performance.now() - started) * (1 / share - 1), signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms).unref();
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    if (signal.aborted) done();
    else signal.addEventListener("abort", done, { once: true });
  });
}
