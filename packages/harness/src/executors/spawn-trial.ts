import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { HarnessError } from "../errors.js";
import type { Outcome } from "../store/trial-store.js";
import type { TrialOutcome } from "../trial/run-trial.js";
import type { TrialProgramInput } from "../trial/trial-program.js";
import { type KnownProcess, killKnown, processTree, untilGone } from "./process-tree.js";
import type { AttemptRunner } from "./run-attempt.js";

/** How often the memory of a trial is looked at, where it has a limit. */
const MEMORY_POLL_MS = 100;

/** How often it is looked at what a trial has started, so that nothing of it is left when it is killed. */
const TREE_POLL_MS = 1_000;

/** How long a trial may take to end by itself when it is told to. */
const KILL_GRACE_MS = 5_000;

const TAIL_BYTES = 2000;

function programFile(): string {
  const root = dirname(createRequire(import.meta.url).resolve("@vrx/harness/package.json"));
  const file = join(root, "dist/trial-program.js");
  if (existsSync(file)) return file;
  throw new HarnessError(
    "unsupported",
    `expected the built program of a trial at ${file}, found none: build @vrx/harness`,
  );
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}

interface Stopped {
  readonly status: "timeout" | "oom";
  readonly why: string;
}

/**
 * Runs the trial of an attempt in a child process with a group of its own. Beyond its limit on time it is killed with
 * everything it has started, and the outcome is `timeout`; beyond that on memory it is `oom`, with the peak that was seen. When the signal is
 * aborted the group is told to end, then killed, and there is no outcome. A trial that is killed by somebody else, or
 * cannot write its artifacts, rejects: nothing is known of the configuration then.
 */
export const spawnTrial: AttemptRunner = async ({ attempt, store, limits, device, signal }) => {
  const { digest, token, folder } = attempt;
  const started_utc = new Date().toISOString();
  const outcome_file = join(store.dir, "attempts", `${digest}.${token}.outcome.json`);
  const input: TrialProgramInput = {
    plan_file: join(store.dir, "plans", digest.slice(0, 2), `${digest}.json`),
    folder,
    outcome_file,
    checkpoint: join(store.dir, "attempts", `${digest}.checkpoint`),
  };
  // Options meant for this process are not meant for the trial.
  const inherited = { ...process.env, NODE_OPTIONS: "" };
  const child = spawn(process.execPath, [programFile(), JSON.stringify(input)], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...inherited, ...(device === null ? {} : { CUDA_VISIBLE_DEVICES: device }) },
  });
  let tail = "";
  child.stderr.on("data", (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-TAIL_BYTES)));
  const limit: { reached: Stopped | null } = { reached: null };
  let peak = 0;
  // A measured program is in a group of its own, and nobody's child once the trial is gone.
  const known = new Map<string, KnownProcess>();
  const look = (): number => {
    const tree = child.pid === undefined ? [] : processTree(child.pid);
    for (const one of tree) known.set(`${one.pid} ${one.start}`, one);
    return tree.reduce((bytes, { rss_bytes }) => bytes + rss_bytes, 0);
  };
  const kill = (): void => {
    // Stopped, so that it starts nothing more while its processes are listed.
    signalGroup(child, "SIGSTOP");
    look();
    killKnown(known.values());
    signalGroup(child, "SIGKILL");
  };
  const stop = (how: Stopped): void => {
    limit.reached ??= how;
    kill();
  };
  const timer =
    limits.time_s === null
      ? null
      : setTimeout(
          () => stop({ status: "timeout", why: `it took longer than ${limits.time_s} s` }),
          limits.time_s * 1000,
        );
  const watch = setInterval(
    () => {
      peak = Math.max(peak, look());
      const most = limits.memory_bytes ?? Infinity;
      if (peak > most) stop({ status: "oom", why: `its processes held ${peak} bytes, the limit is ${most}` });
    },
    limits.memory_bytes === null ? TREE_POLL_MS : MEMORY_POLL_MS,
  );
  const grace: { timer?: NodeJS.Timeout } = {};
  const onAbort = (): void => {
    signalGroup(child, "SIGTERM");
    grace.timer = setTimeout(kill, KILL_GRACE_MS);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    const ended = await new Promise<string | null>((settle, reject) => {
      child.on("error", reject);
      child.on("close", (code, killed) => settle(code === 0 ? null : (killed ?? `exit code ${code}`)));
    });
    // What a killed trial may have started ends with it.
    signalGroup(child, "SIGKILL");
    killKnown(known.values());
    await untilGone(known.values(), KILL_GRACE_MS);
    const rest = {
      started_utc,
      executor: "",
      gpu_uuid: device !== null && /^(GPU|MIG)-/.test(device) ? device : null,
      simulated: false,
    };
    const { reached } = limit;
    if (reached !== null) {
      const figures = reached.status === "oom" ? { peak_rss_bytes: peak } : {};
      return { ...rest, status: reached.status, reasons: [reached.why], figures };
    }
    if (signal.aborted) return null;
    if (ended !== null) throw new Error(`the trial ended with ${ended}${tail === "" ? "" : `: ${tail.trimEnd()}`}`);
    const outcome = JSON.parse(await readFile(outcome_file, "utf8")) as TrialOutcome;
    const result: Outcome = { ...rest, ...outcome };
    return result;
  } finally {
    if (timer !== null) clearTimeout(timer);
    clearInterval(watch);
    clearTimeout(grace.timer);
    signal.removeEventListener("abort", onAbort);
    await rm(outcome_file, { force: true });
  }
};
