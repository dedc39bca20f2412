import type { ExecutorContext, TrialEvent, TrialExecutor } from "../executor.js";
import { hostname } from "node:os";
import type { JsonObject } from "@vrx/objective-contract";
import { type NodePreflight, preflightFigures, preflightNode, whyUnfit } from "../../hosts/node-preflight.js";
import { type AttemptRunner, runAttempt } from "../run-attempt.js";
import { spawnTrial } from "../spawn-trial.js";
import { lockDevice } from "./device-lock.js";

export interface LocalExecutorOptions {
  /** GPUs to run on, by UUID, one trial on each at a time; none: trials are given no GPU, and none is locked. */
  readonly devices?: readonly string[];
  /** Trials at a time where there are no devices; 1 unless given, since two measurements disturb each other. */
  readonly parallel?: number;
  /** Seconds to wait for another runner's attempt at a trial; 600 unless given. */
  readonly wait_s?: number;
  /** Seconds between two signs of life; 5 unless given. */
  readonly renew_s?: number;
  /** What runs an attempt; a child process unless given. */
  readonly run?: AttemptRunner;
  /** What looks at this host where a preflight is asked for; its GPUs by the driver unless given. */
  readonly look?: (signal: AbortSignal) => Promise<NodePreflight>;
}

/** Events in the order in which they happen, for one reader. */
class Events {
  readonly #waiting: TrialEvent[] = [];
  #wake: (() => void) | null = null;
  #over = false;

  push(event: TrialEvent): void {
    this.#waiting.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#over = true;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<TrialEvent, void, undefined> {
    for (;;) {
      for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) yield event;
      if (this.#over) return;
      await new Promise<void>((wake) => (this.#wake = wake));
      this.#wake = null;
    }
  }
}

/**
 * Runs trials on this host: a child process each, one at a time, or one per GPU with a lock on it that other runners on
 * this host respect.
 */
export function localExecutor(options: LocalExecutorOptions = {}): TrialExecutor {
  const { devices = [], parallel = 1, wait_s = 600, renew_s = 5, run = spawnTrial, look = preflightNode } = options;
  const places: readonly (string | null)[] =
    devices.length > 0 ? devices : Array.from({ length: parallel }, () => null);

  async function runOne(
    digest: string,
    device: string | null,
    context: ExecutorContext,
    events: Events,
    isFirst: boolean,
    figures: JsonObject,
  ): Promise<void> {
    const { store, limits, signal, pause } = context;
    let lock: Awaited<ReturnType<typeof lockDevice>> | null = null;
    try {
      lock = device === null ? null : await lockDevice(device, signal);
      events.push({ event: "started", digest, where: device ?? "this host", attempt: "" });
      const attempted = await runAttempt({
        digest,
        store,
        executor: "local",
        limits,
        device,
        run,
        signal,
        wait_s,
        renew_s,
        figures,
        // Before the first trial nothing of ours has made the device hot.
        ...(pause === undefined ? {} : { pause: isFirst ? { ...pause, cooldown_s: 0 } : pause }),
      });
      if (attempted.status === "done" && attempted.result !== null) {
        events.push({ event: "finished", digest, result: attempted.result, reused: attempted.by === "another" });
      } else if (signal.aborted) events.push({ event: "cancelled", digest });
      else {
        const why = attempted.status === "done" ? "its result does not verify" : attempted.why;
        events.push({ event: "lost", digest, why });
      }
    } catch (error) {
      if (signal.aborted) events.push({ event: "cancelled", digest });
      else events.push({ event: "lost", digest, why: error instanceof Error ? error.message : String(error) });
    } finally {
      await lock?.release();
    }
  }

  return {
    name: "local",
    async *run(digests, context) {
      const seen = context.preflight === true ? await look(context.signal) : null;
      const unfit = seen === null ? null : whyUnfit(seen, hostname());
      if (unfit !== null) {
        for (const digest of digests) yield { event: "lost", digest, why: unfit, cause: "unfit_host" };
        return;
      }
      const figures = seen === null ? {} : preflightFigures(seen);
      const queue = [...digests];
      const events = new Events();
      const workers = places.map(async (device) => {
        let isFirst = true;
        for (let digest = queue.shift(); digest !== undefined; digest = queue.shift()) {
          if (context.signal.aborted) events.push({ event: "cancelled", digest });
          else await runOne(digest, device, context, events, isFirst, figures);
          isFirst = false;
        }
      });
      const all = Promise.all(workers).finally(() => events.end());
      yield* events.read();
      await all;
    },
  };
}
