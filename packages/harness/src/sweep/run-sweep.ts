import { HarnessError } from "../errors.js";
import { inParallel } from "../in-parallel.js";
import type { TrialEvent, TrialExecutor, TrialLimits } from "../executors/executor.js";
import type { IdleRule } from "../executors/wait-for-idle.js";
import type { TrialStore } from "../store/trial-store.js";
import type { Trial } from "../trial/trial.js";
import type { TrialStatus } from "../trial/trial-result.js";

/** One of `of` parts of a sweep, counted from 1. */
export interface SweepShard {
  readonly index: number;
  readonly of: number;
}

/** A trial that a result is there for, by the journal. */
export interface KnownTrial {
  readonly event: "known";
  readonly digest: string;
  readonly status: TrialStatus;
}

export interface RunSweepOptions {
  readonly executor: TrialExecutor;
  readonly store: TrialStore;
  readonly limits?: TrialLimits;
  readonly signal?: AbortSignal;
  readonly shard?: SweepShard;
  /** Check every result that is there before it counts; by default the journal is believed, which takes no time. */
  readonly verify?: boolean;
  /** Seconds between two trials in one place, for the device to cool down; 0 unless given. */
  readonly cooldown_s?: number;
  /** Wait until the host is idle before each trial; not unless given. */
  readonly idle?: IdleRule;
  /** Look at the GPUs of a host before trials run there, and run none where they are unfit; not unless given. */
  readonly preflight?: boolean;
}

const LOOKED_AT_TOGETHER = 256;

/**
 * The trials of a shard: sorted by digest, every `of`-th. Shards are disjoint, together they are everything, and each
 * host finds its own without asking anybody.
 */
export function shardOf(digests: readonly string[], { index, of }: SweepShard): readonly string[] {
  if (!Number.isSafeInteger(of) || of < 1 || !Number.isSafeInteger(index) || index < 1 || index > of) {
    throw new HarnessError("invalid_argument", `shard: expected i/n with 1 <= i <= n, found ${index}/${of}`);
  }
  const mine = new Set([...digests].sort().filter((_, place) => place % of === index - 1));
  return digests.filter((digest) => mine.has(digest));
}

/**
 * Runs the trials of a sweep that have no result yet, in their order, and says what becomes of each. Going on with a
 * sweep that was interrupted is calling this again: what is published is `known` and not run. Two of these on one store
 * share the work; a trial is published once.
 */
export async function* runSweep(
  trials: Iterable<Trial>,
  options: RunSweepOptions,
): AsyncGenerator<TrialEvent | KnownTrial, void, undefined> {
  const { executor, store, limits = { time_s: null, memory_bytes: null }, cooldown_s = 0, idle } = options;
  const signal = options.signal ?? new AbortController().signal;
  const byDigest = new Map(Array.from(trials, (trial) => [trial.digest, trial] as const));
  const all = [...byDigest.keys()];
  const mine = options.shard === undefined ? all : shardOf(all, options.shard);
  const states = await store.states();
  const statusOf = (digest: string): TrialStatus => states.get(digest)?.status ?? "not_run";
  const open: Trial[] = [];
  const isThere = async (digest: string): Promise<boolean> =>
    statusOf(digest) !== "not_run" && (options.verify !== true || (await store.result(digest)) !== null);
  // Some at a time, so that what is known is told before everything is.
  for (let first = 0; first < mine.length; first += LOOKED_AT_TOGETHER) {
    const some = mine.slice(first, first + LOOKED_AT_TOGETHER);
    const there = await inParallel(some, isThere);
    for (const [i, digest] of some.entries()) {
      const trial = byDigest.get(digest);
      if (there[i] === true) yield { event: "known", digest, status: statusOf(digest) };
      else if (trial !== undefined) open.push(trial);
    }
  }
  await store.put(open);
  const pause = cooldown_s > 0 || idle !== undefined ? { pause: { cooldown_s, idle: idle ?? null } } : {};
  yield* executor.run(
    open.map(({ digest }) => digest),
    { store, limits, signal, ...pause, ...(options.preflight === true ? { preflight: true } : {}) },
  );
}
