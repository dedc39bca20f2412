// The declaration travels with its one user, so that packages that compile these sources see it too.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./bundled.d.ts" />
import { Worker } from "node:worker_threads";
import { ObjectiveContractError } from "../../errors.js";
import type { StallFacts } from "../../run-outcome.js";
import type { WatchdogMemory } from "./watchdog-memory.js";
import { source } from "./watchdog-worker.ts?bundled";

/** What the watchdog's thread is given. */
export interface WatchdogData {
  readonly buffer: SharedArrayBuffer;
  readonly dir: string;
  readonly poll_ms: number;
  readonly on_stall: "report" | "kill";
  readonly kill_grace_s: number;
}

/** What the watchdog's thread says. */
export type WatchdogMessage =
  { readonly type: "ready" } | { readonly type: "stalled"; readonly stall: StallFacts; readonly error: string | null };

/** What the watchdog tells the run it watches, if that run still listens. */
export interface WatchdogListener {
  readonly stalled: (stall: StallFacts, error: string | null) => void;
  readonly died: (error: unknown) => void;
}

/** Starts the watchdog's thread and waits until it watches; the thread keeps no process alive. Throws `watchdog_failed`. */
export async function startWatchdog(
  memory: WatchdogMemory,
  data: Omit<WatchdogData, "buffer">,
  listener: WatchdogListener,
): Promise<Worker> {
  const workerData: WatchdogData = { ...data, buffer: memory.buffer };
  // No flag of the process (a loader, a test runner's hook) may change how the watchdog runs.
  const worker = new Worker(source, { eval: true, workerData, execArgv: [], name: "vrx-watchdog" });
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: unknown): void => {
      reject(new ObjectiveContractError("watchdog_failed", "The watchdog's thread did not start.", { cause }));
    };
    worker.once("error", failed);
    worker.once("exit", failed);
    worker.once("message", () => {
      worker.off("error", failed);
      worker.off("exit", failed);
      resolve();
    });
  });
  worker.on("message", (message: WatchdogMessage) => {
    if (message.type !== "stalled") return;
    memory.set("acknowledged", 1n);
    listener.stalled(message.stall, message.error);
  });
  worker.on("error", listener.died);
  worker.unref();
  return worker;
}
