import { realpath } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Job, JobsOptions, Queue } from "bullmq";
import { HarnessError } from "../errors.js";
import type { ExecutorContext, TrialEvent, TrialExecutor } from "../executors/executor.js";
import { type RedisConnection, checkedAddress, connectRedis, queueModules } from "./connection.js";
import { type TrialJob, cancelKey, checkedQueue, job_name, jobId } from "./trial-job.js";

/** Which queue of which Redis carries trials to workers. */
export interface BullmqOptions {
  /** `redis://[[user]:password@]host[:port][/database]`, `rediss://...` or `unix:///path`. */
  readonly connection: string;
  /** The name of the queue; `vrx` unless given. */
  readonly queue?: string;
  /** How often a trial is tried again when its worker died or gave it back; 2 unless given. */
  readonly resubmit?: number;
  /** Seconds between two looks at the store and the queue; 2 unless given. */
  readonly poll_s?: number;
  /** Seconds that Redis may be away before what is out is given up as lost; 3600 unless given. */
  readonly away_limit_s?: number;
  /** Gets what a person should know while it runs. */
  readonly onNote?: (text: string) => void;
}

const defaults = { queue: "vrx", resubmit: 2, poll_s: 2, away_limit_s: 3600 };

// A Redis that was restarted without its data has forgotten the queue; asking again for what is there costs nothing.
const ask_again_s = 60;

// Beyond this a command is waiting for Redis to come back.
const answer_limit_ms = 10_000;

const jobs_at_once = 1_000;

// A worker looks for the wish to cancel every second or so, and ends a trial within its grace.
const cancel_wait_s = 30;

/**
 * Hands trials to workers (`startWorker`) through a queue of BullMQ on Redis. The queue delivers at least once; that a
 * trial is published once is the store's doing, which has to be a folder that the workers see as well. Throws
 * `invalid_argument` for an address or a name that cannot be one; its `run` throws `executor_unavailable` where the
 * peers bullmq and ioredis are not installed or no Redis answers.
 */
export function bullmqExecutor(options: BullmqOptions): TrialExecutor {
  checkedAddress(options.connection);
  checkedQueue(options.queue ?? defaults.queue);
  return { name: "bullmq", run: (digests, context) => events(digests, context, { ...defaults, ...options }) };
}

type Settings = BullmqOptions & typeof defaults;

async function* events(
  digests: readonly string[],
  context: ExecutorContext,
  options: Settings,
): AsyncGenerator<TrialEvent, void, undefined> {
  if (digests.length === 0) return;
  const modules = await queueModules();
  const connection = await connectRedis(options.connection, modules);
  const queue = new modules.bullmq.Queue(options.queue, { connection: connection.client });
  queue.on("error", () => undefined);
  try {
    const store_dir = await realpath(context.store.dir);
    yield* new QueueRun(options, context, connection, queue, store_dir).events(digests);
  } finally {
    // Closing waits for Redis, which may be gone.
    void queue.close().catch(() => undefined);
    connection.close();
  }
}

class QueueRun {
  readonly #options: Settings;
  readonly #context: ExecutorContext;
  readonly #connection: RedisConnection;
  readonly #queue: Queue;
  readonly #store_dir: string;
  /** What has no end yet, with its job's id. */
  readonly #out = new Map<string, string>();
  readonly #started = new Set<string>();

  constructor(
    options: Settings,
    context: ExecutorContext,
    connection: RedisConnection,
    queue: Queue,
    store_dir: string,
  ) {
    this.#options = options;
    this.#context = context;
    this.#connection = connection;
    this.#queue = queue;
    this.#store_dir = store_dir;
  }

  async *events(digests: readonly string[]): AsyncGenerator<TrialEvent, void, undefined> {
    for (const digest of digests) this.#out.set(digest, jobId(this.#store_dir, digest));
    yield* this.#published(true);
    await this.#forgetFailures();
    await this.#ask();
    for (const [digest, id] of this.#out)
      yield { event: "submitted", digest, where: `queue ${this.#queue.name}, ${id}` };

    let asked_ms = performance.now();
    let times = this.#connection.times();
    let away_ms: number | null = null;
    while (this.#out.size > 0 && !this.#aborted()) {
      await delay(this.#options.poll_s * 1000, undefined, { signal: this.#context.signal }).catch(() => undefined);
      if (this.#aborted()) break;
      yield* this.#published(false);
      const looked = await this.#look();
      if (looked !== null) {
        // A short absence passes unseen here: a command that is under way then waits until Redis is back.
        const now = this.#connection.times();
        const was_away = away_ms !== null || now !== times;
        if (was_away || performance.now() - asked_ms > ask_again_s * 1000) {
          if ((await within(this.#askAgain())) === null) continue;
          asked_ms = performance.now();
        }
        if (was_away) this.#options.onNote?.("Redis answers again; asked anew for what is out");
        times = now;
        away_ms = null;
        yield* looked;
        continue;
      }
      if (away_ms === null) {
        away_ms = performance.now();
        this.#options.onNote?.("Redis does not answer; workers finish what they have, trying again");
      }
      const away_s = (performance.now() - away_ms) / 1000;
      if (away_s < this.#options.away_limit_s) continue;
      const why = `Redis has not answered for ${away_s.toFixed(0)} s; run the sweep again to go on`;
      for (const digest of this.#out.keys()) yield { event: "lost", digest, why };
      return;
    }
    if (this.#aborted()) yield* this.#cancel();
  }

  #aborted(): boolean {
    return this.#context.signal.aborted;
  }

  /** The results that are in the store, whoever published them: that, and not the queue, says that a trial is done. */
  async *#published(reused: boolean): AsyncGenerator<TrialEvent> {
    const states = await this.#context.store.states();
    for (const digest of [...this.#out.keys()]) {
      const status = states.get(digest)?.status ?? "not_run";
      if (status === "not_run" || status === "cancelled") continue;
      const result = await this.#context.store.result(digest);
      if (result === null) continue;
      this.#out.delete(digest);
      yield { event: "finished", digest, result, reused };
    }
  }

  /** Failures of an earlier run would stand in the way: a job that is there is not added again. */
  async #forgetFailures(): Promise<void> {
    const wanted = new Set(this.#out.values());
    for (const { id } of await this.#failed()) {
      if (id !== undefined && wanted.has(id)) await this.#queue.remove(id);
    }
    for (const ids of inGroups([...wanted])) {
      await this.#connection.client.del(...ids.map((id) => cancelKey(this.#queue.name, id)));
    }
  }

  async #failed(): Promise<readonly Job[]> {
    // A job that is removed between two steps of this reading leaves a hole.
    const jobs: readonly (Job | undefined)[] = await this.#queue.getFailed();
    return jobs.filter((job) => job !== undefined);
  }

  /** Asks for everything that is out; what is queued or running already stays as it is. */
  async #ask(): Promise<void> {
    for (const some of inGroups([...this.#out]))
      await this.#queue.addBulk(some.map(([digest, id]) => this.#job(digest, id)));
  }

  /**
   * The same, one by one: a Redis that was restarted has forgotten the scripts of BullMQ as well, and only a single
   * command brings its script along again.
   */
  async #askAgain(): Promise<true> {
    for (const some of inGroups([...this.#out])) {
      await Promise.all(
        some.map(([digest, id]) => {
          const { name, data, opts } = this.#job(digest, id);
          return this.#queue.add(name, data, opts);
        }),
      );
    }
    return true;
  }

  #job(digest: string, id: string): { readonly name: string; readonly data: TrialJob; readonly opts: JobsOptions } {
    return {
      name: job_name,
      data: {
        schema_version: "vrx_trial_job_v1",
        digest,
        store: this.#store_dir,
        limits: this.#context.limits,
        ...(this.#context.pause === undefined ? {} : { pause: this.#context.pause }),
      },
      opts: {
        jobId: id,
        attempts: this.#options.resubmit + 1,
        backoff: { type: "fixed", delay: 1_000 },
        removeOnComplete: true,
      },
    };
  }

  /** What the queue says; null while Redis does not answer. */
  async #look(): Promise<readonly TrialEvent[] | null> {
    if (!this.#connection.isReady()) return null;
    const answer = await within(Promise.all([this.#queue.getActive(), this.#failed()]));
    if (answer === null) return null;
    const [active, failed] = answer;
    const digestOf = new Map([...this.#out].map(([digest, id]) => [id, digest]));
    const events: TrialEvent[] = [];
    for (const job of active) {
      const digest = digestOf.get(job.id ?? "");
      if (digest === undefined || this.#started.has(digest)) continue;
      this.#started.add(digest);
      events.push({
        event: "started",
        digest,
        where: workerOf(job),
        attempt: `${job.id ?? ""}#${job.attemptsStarted}`,
      });
    }
    for (const job of failed) {
      const digest = digestOf.get(job.id ?? "");
      if (digest === undefined || job.id === undefined) continue;
      const result = await this.#context.store.result(digest);
      await within(this.#queue.remove(job.id));
      this.#out.delete(digest);
      const why = `its worker could not finish it: ${job.failedReason}`;
      events.push(
        result === null ? { event: "lost", digest, why } : { event: "finished", digest, result, reused: false },
      );
    }
    return events;
  }

  /** Takes what is waiting out of the queue, and asks the workers to give up what they run. */
  async *#cancel(): AsyncGenerator<TrialEvent> {
    const reached = await within(this.#withdraw(), cancel_wait_s * 1000);
    yield* this.#published(false);
    for (const [digest, id] of this.#out) {
      if (reached?.has(id) === true) yield { event: "cancelled", digest };
      else
        yield {
          event: "lost",
          digest,
          why: "it could not be cancelled and may still be queued: Redis does not answer",
        };
    }
  }

  async #withdraw(): Promise<ReadonlySet<string>> {
    const ids = [...this.#out.values()];
    const removed = new Set<string>();
    for (const id of ids) {
      // The wish comes first: a job that a worker takes in between is given up by it.
      await this.#connection.client.set(cancelKey(this.#queue.name, id), "1", "EX", 3_600);
      if ((await this.#queue.remove(id)) === 1) removed.add(id);
    }
    const running = ids.filter((id) => !removed.has(id));
    const until_ms = performance.now() + cancel_wait_s * 900;
    while (running.length > 0 && performance.now() < until_ms) {
      const states = await Promise.all(running.map((id) => this.#queue.getJobState(id)));
      if (!states.includes("active")) break;
      await delay(200);
    }
    for (const id of running) await this.#queue.remove(id);
    return new Set(ids);
  }
}

function workerOf(job: Job): string {
  return job.processedBy === undefined || job.processedBy === "" ? "a worker" : `worker ${job.processedBy}`;
}

/** The value, or null when it takes so long that Redis must be away. */
async function within<T>(promise: Promise<T>, limit_ms = answer_limit_ms): Promise<T | null> {
  const waiting = new AbortController();
  const late = delay(limit_ms, null, { signal: waiting.signal }).catch(() => null);
  try {
    return await Promise.race([promise, late]);
  } catch (error) {
    if (error instanceof HarnessError) throw error;
    return null;
  } finally {
    waiting.abort();
    promise.catch(() => undefined);
  }
}

function inGroups<T>(all: readonly T[]): readonly (readonly T[])[] {
  const groups: T[][] = [];
  for (let first = 0; first < all.length; first += jobs_at_once) groups.push(all.slice(first, first + jobs_at_once));
  return groups;
}
