import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "@vrx/objective-contract";
import type { Job } from "bullmq";
import { HarnessError } from "../errors.js";
import { lockDevice } from "../executors/local/device-lock.js";
import { type AttemptRunner, type Attempted, runAttempt } from "../executors/run-attempt.js";
import type { TrialStore } from "../store/trial-store.js";
import { preflightFigures, preflightNode, whyUnfit } from "../hosts/node-preflight.js";
import { type RedisConnection, connectRedis, queueModules } from "./connection.js";
import { type TrialJob, cancelKey, checkedQueue, readTrialJob } from "./trial-job.js";

/** What a worker takes from a queue and what it runs it with. */
export interface WorkerOptions {
  readonly connection: string;
  readonly queue: string;
  /** The folder of the store on this host; null: the path that the job names is the same here. */
  readonly store_dir: string | null;
  readonly openStore: (dir: string) => Promise<TrialStore>;
  readonly run: AttemptRunner;
  /** The GPUs to run on, one trial on each at a time; empty: one trial at a time without a GPU. */
  readonly devices: readonly string[];
  /** Ends when nothing is waiting any more. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  /** Look at the GPUs of this host first, and take nothing where they are unfit; not unless given. */
  readonly preflight?: boolean;
  readonly onNote?: (text: string) => void;
  readonly onTrial?: (digest: string, attempted: Attempted) => void;
  /** Milliseconds after which the queue takes a silent worker for dead and hands its trial to another; 30,000 unless given. */
  readonly lock_ms?: number;
  /** Seconds between two signs of life towards the store; 5 unless given. */
  readonly renew_s?: number;
}

const cancel_poll_ms = 500;
// Another attempt that hung is taken for dead by the store within this time.
const wait_for_other_s = 600;
// A trial that was stopped and given back may wait for its child to end.
const close_limit_ms = 60_000;

/**
 * Takes trials from a queue until the signal is aborted (or, with `once`, nothing waits any more) and publishes their
 * results into the store. The queue may hand a trial to two workers, when one of them hangs: only the attempt that the
 * store still knows publishes. Throws `unfit_host` where a preflight finds this host unfit, and `executor_unavailable` where the peers or Redis are not there to begin with; when
 * Redis goes away later it says so and waits.
 */
export async function startWorker(options: WorkerOptions): Promise<void> {
  checkedQueue(options.queue);
  const seen = options.preflight === true ? await preflightNode(options.signal) : null;
  const unfit = seen === null ? null : whyUnfit(seen, hostname());
  if (unfit !== null) throw new HarnessError("unfit_host", `${unfit}: no trial is taken`);
  const figures = seen === null ? {} : preflightFigures(seen);
  const modules = await queueModules();
  const connection = await connectRedis(options.connection, modules);
  const stores = new Map<string, Promise<TrialStore>>();
  const free: (string | null)[] = options.devices.length === 0 ? [null] : [...options.devices];
  const lock_ms = options.lock_ms ?? 30_000;

  const worker = new modules.bullmq.Worker(
    options.queue,
    async (job: Job, token?: string) => {
      const trial = readTrialJob(job.data);
      if (trial === null) throw new modules.bullmq.UnrecoverableError("the job is no trial of vrx");
      // As many jobs run at a time as there are places.
      const device = free.pop() ?? null;
      try {
        const attempted = await attempt(trial, job.id ?? "", device, options, connection, stores, figures);
        options.onTrial?.(trial.digest, attempted);
        if (attempted.status === "done") return attempted.by;
        if (!options.signal.aborted) throw new Error(attempted.why);
        await job.moveToWait(token);
        throw new modules.bullmq.WaitingError();
      } finally {
        free.push(device);
      }
    },
    {
      connection: connection.client,
      name: `${hostname()}:${process.pid}`,
      concurrency: free.length,
      lockDuration: lock_ms,
      stalledInterval: lock_ms,
      maxStalledCount: 2,
      autorun: false,
    },
  );
  let away = false;
  worker.on("error", (error) => {
    if (!away && !connection.isReady()) options.onNote?.(`Redis does not answer (${error.message}), trying again`);
    away = !connection.isReady();
  });
  connection.client.on("ready", () => {
    if (away) options.onNote?.("Redis answers again");
    away = false;
  });
  const running = worker.run();
  running.catch(() => undefined);
  const queue = new modules.bullmq.Queue(options.queue, { connection: connection.client });
  queue.on("error", () => undefined);
  try {
    await untilDone(options, connection, () => queue.getJobCountByTypes("waiting", "active", "delayed", "prioritized"));
    await Promise.race([worker.close(), delay(close_limit_ms, undefined, { ref: false })]);
  } finally {
    connection.close();
    for (const store of stores.values()) await (await store).close();
  }
}

async function untilDone(
  { once, signal }: WorkerOptions,
  connection: RedisConnection,
  left: () => Promise<number>,
): Promise<void> {
  while (!signal.aborted) {
    await delay(500, undefined, { signal }).catch(() => undefined);
    if (once && connection.isReady() && (await left()) === 0) return;
  }
}

async function attempt(
  { digest, store: named, limits, pause }: TrialJob,
  id: string,
  device: string | null,
  options: WorkerOptions,
  connection: RedisConnection,
  stores: Map<string, Promise<TrialStore>>,
  figures: JsonObject,
): Promise<Attempted> {
  const dir = resolve(options.store_dir ?? named);
  const opened = stores.get(dir) ?? options.openStore(dir);
  stores.set(dir, opened);
  const store = await opened;
  if ((await store.trial(digest)) === null) {
    throw new Error(`the store ${dir} has no plan of this trial: is it the folder that ${named} is on the other host?`);
  }
  const cancelled = new AbortController();
  const watching = setInterval(() => {
    if (!connection.isReady()) return;
    connection.client.exists(cancelKey(options.queue, id)).then(
      (there) => {
        if (there === 1) cancelled.abort();
      },
      () => undefined,
    );
  }, cancel_poll_ms);
  const signal = AbortSignal.any([options.signal, cancelled.signal]);
  let lock: Awaited<ReturnType<typeof lockDevice>> | null = null;
  try {
    // Another worker of this host may have hung with its trial still on the GPU.
    lock = device === null ? null : await lockDevice(device, signal);
    return await runAttempt({
      digest,
      store,
      executor: "bullmq",
      limits,
      device,
      run: options.run,
      signal,
      wait_s: wait_for_other_s,
      renew_s: options.renew_s ?? 5,
      figures,
      ...(pause === undefined ? {} : { pause }),
    });
  } catch (error) {
    if (signal.aborted) return { status: "given_back", why: "it was given up" };
    throw error;
  } finally {
    clearInterval(watching);
    await lock?.release();
  }
}
