import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { TailBuffer } from "./tail-buffer.js";

/** The descriptor a program finds its end of the samples pipe at; told to it as `VRX_SAMPLES_FD`. */
export const SAMPLES_FD = 3;

/** How much of a program's stderr is kept, from its end. */
export const STDERR_TAIL_BYTES = 65_536;

// A process that left the group may hold the pipes open for ever: once nothing has come for so long, they are closed.
const drain_ms = 1_000;

/** What to start. */
export interface ProgramCommand {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** `inherit` gives the program the stdin of this process, `ignore` an empty one. */
  readonly stdin: "inherit" | "ignore";
  /** Gets what the program prints; without it stdout is discarded, and stderr only kept as a tail. */
  readonly onOutput: ((stream: "stdout" | "stderr", chunk: Uint8Array) => void) | undefined;
}

/** How a program ended. */
export interface ProgramExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The first signal that this process sent, null when the program ended without one. */
  readonly sent: NodeJS.Signals | null;
}

/** A running program in a process group of its own, so that what it starts can be ended with it. */
export interface Program {
  readonly pid: number;
  readonly samples: Socket;
  readonly stderr: TailBuffer;
  /** Resolves when the program itself has ended; what was left of its group has been killed by then. */
  readonly exited: Promise<ProgramExit>;
  /** Sends SIGTERM to the group, and SIGKILL when the program is still there after `grace_s`. */
  stop(grace_s: number): Promise<ProgramExit>;
}

/** Starts a program; rejects with the system's error when it cannot be started. */
export async function startProgram(command: ProgramCommand): Promise<Program> {
  const [file, ...args] = command.argv;
  const child = spawn(file, args, {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: [command.stdin, command.onOutput === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const pid = await started(child);
  let sent: NodeJS.Signals | null = null;
  const signalGroup = (signal: NodeJS.Signals): void => {
    sent ??= signal;
    killGroup(pid, signal);
  };
  let stopping = false;
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  // Also when this process is ended by process.exit, for instance at a second Ctrl-C.
  const killOnExit = (): void => killGroup(pid, "SIGKILL");
  process.once("exit", killOnExit);

  const stderr = new TailBuffer(STDERR_TAIL_BYTES);
  child.stdout?.on("data", (chunk: Uint8Array) => command.onOutput?.("stdout", chunk));
  child.stderr?.on("data", (chunk: Uint8Array) => {
    stderr.push(chunk);
    command.onOutput?.("stderr", chunk);
  });
  const samples = child.stdio[SAMPLES_FD];
  if (!(samples instanceof Socket)) throw new TypeError(`descriptor ${SAMPLES_FD} of the program is not readable here`);
  // A reset connection ends the stream like any other end: what counts is how the program ended.
  for (const stream of [samples, child.stdout, child.stderr]) stream?.on("error", () => undefined);

  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const exited = new Promise<ProgramExit>((resolve) => {
    child.once("exit", (code, signal) => {
      // Before the pid can be anybody else's: the group outlives its leader only through processes the leader left.
      killGroup(pid, "SIGKILL");
      process.removeListener("exit", killOnExit);
      let read_bytes = samples.bytesRead;
      const drain = setInterval(() => {
        // What is still being read was written before the end.
        if (!stopping && samples.bytesRead > read_bytes) {
          read_bytes = samples.bytesRead;
          return;
        }
        for (const stream of [samples, child.stdout, child.stderr]) stream?.destroy();
      }, drain_ms);
      void closed.then(() => clearInterval(drain));
      resolve({ code, signal, sent });
    });
  });

  return {
    pid,
    samples,
    stderr,
    exited,
    async stop(grace_s) {
      stopping = true;
      if (running()) {
        signalGroup("SIGTERM");
        const waiting = new AbortController();
        await Promise.race([
          exited,
          delay(grace_s * 1000, undefined, { signal: waiting.signal }).catch(() => undefined),
        ]);
        waiting.abort();
        if (running()) signalGroup("SIGKILL");
      }
      const exit = await exited;
      await closed;
      return exit;
    },
  };
}

function started(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => {
      child.removeListener("error", reject);
      child.on("error", () => undefined);
      if (child.pid === undefined) reject(new TypeError("the program was started without a process id"));
      else resolve(child.pid);
    });
  });
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nobody is left.
  }
}
