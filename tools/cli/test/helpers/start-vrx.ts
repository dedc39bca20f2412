import { spawn } from "node:child_process";
import { type Outcome, plainEnv, vrxScript } from "./vrx.js";

/** A running `vrx`. */
export interface Running {
  readonly pid: number;
  /** Resolves when stderr or stdout has shown what matches. */
  readonly shows: (pattern: RegExp) => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<Outcome>;
}

/** Starts `vrx` without waiting for its end. */
export function startVrx(words: readonly string[], cwd: string): Running {
  const child = spawn(process.execPath, [vrxScript, ...words], {
    cwd,
    env: plainEnv(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
      for (const watcher of watchers) watcher();
    });
  }
  return {
    pid: child.pid!,
    shows: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!pattern.test(text.stdout + text.stderr)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve) => child.once("close", (code) => resolve({ code, ...text }))),
  };
}
