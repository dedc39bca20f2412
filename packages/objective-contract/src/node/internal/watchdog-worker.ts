// The thread that watches a run from outside. It is bundled into one text and started from it, so that it
// runs the same out of ESM, CJS, sources under a test runner, and whatever a user's bundler makes of them.
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { runOutcome } from "../../run-outcome.js";
import { completeArtifacts } from "./complete-artifacts.js";
import { driveSync } from "./drive.js";
import type { WatchdogData, WatchdogMessage } from "./watchdog.js";
import { CLOSED_BY_WATCHDOG, OPEN, WatchdogMemory, phases } from "./watchdog-memory.js";

/** A gap between two looks beyond this means that the process was stopped, not that the run was silent. */
const PAUSE_NS = 2_000_000_000n;

const data: unknown = workerData;
if (!isWatchdogData(data)) throw new TypeError("the watchdog was started without its data");
const { buffer, dir, poll_ms, on_stall, kill_grace_s } = data;
const memory = new WatchdogMemory(buffer);

post({ type: "ready" });
watch();

function watch(): void {
  let seen = memory.get("progress_ns");
  // From the beginning of the set-up: the process may have been stopped before this thread ran.
  let looked = seen;
  let paused = 0n;
  for (;;) {
    memory.wait("state", OPEN, poll_ms);
    if (memory.get("state") !== OPEN) return;
    const now = process.hrtime.bigint();
    const gap = now - looked;
    looked = now;
    const progress = memory.get("progress_ns");
    if (progress !== seen) {
      seen = progress;
      paused = 0n;
    }
    if (gap > PAUSE_NS + BigInt(poll_ms) * 1_000_000n) paused += gap;
    const age = now - progress - paused;
    if (age > memory.get("threshold_ns") && memory.close(CLOSED_BY_WATCHDOG)) {
      end(age);
      return;
    }
  }
}

function end(age: bigint): void {
  // The measuring thread may be in the middle of one write; a write that hangs must not keep us.
  for (let i = 0; i < 20 && memory.get("writing") !== 0n; i++) memory.wait("writing", 1n, 100);
  const phase = phases[Number(memory.get("phase"))] ?? "set_up";
  const stall = { threshold_s: seconds(memory.get("threshold_ns")), last_progress_age_s: seconds(age), phase };
  let error: string | null = null;
  try {
    const outcome = runOutcome({ status: "stalled", stop_reason: "no_progress", stall, completed_by: "watchdog" });
    driveSync(completeArtifacts(dir, outcome));
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
  }
  memory.set("completed", 1n);
  post({ type: "stalled", stall, error });
  if (on_stall === "report") return;
  memory.wait("acknowledged", 0n, kill_grace_s * 1000);
  if (memory.get("acknowledged") !== 0n) return;
  const silence = `no progress for ${stall.last_progress_age_s.toFixed(1)} s (${phase})`;
  const where = error ?? `the artifacts are complete in ${dir}`;
  writeSync(2, `vrx: ${silence}; ${where}; ending the process, whose main thread does not answer\n`);
  process.kill(process.pid, "SIGKILL");
}

function seconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9;
}

function post(message: WatchdogMessage): void {
  parentPort?.postMessage(message);
}

function isWatchdogData(value: unknown): value is WatchdogData {
  return typeof value === "object" && value !== null && "buffer" in value && value.buffer instanceof SharedArrayBuffer;
}
