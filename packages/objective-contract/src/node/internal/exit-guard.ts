import type { RunException } from "../../run-outcome.js";

/** A run that has to be completed when the process ends without having done so. */
export interface OpenRunAtExit {
  readonly completeAtExit: (uncaught: RunException | null) => void;
}

const open = new Set<OpenRunAtExit>();
let uncaught: RunException | null = null;

/** Completes the run when the process exits, with the exception that ended it if there was one. */
export function guardAtExit(run: OpenRunAtExit): void {
  if (open.size === 0) {
    process.on("exit", completeAll);
    process.on("uncaughtExceptionMonitor", remember);
  }
  open.add(run);
}

/** Takes the run out of the guard again. */
export function unguard(run: OpenRunAtExit): void {
  if (!open.delete(run) || open.size > 0) return;
  process.off("exit", completeAll);
  process.off("uncaughtExceptionMonitor", remember);
}

function remember(error: unknown): void {
  uncaught =
    error instanceof Error ? { type: error.name, message: error.message } : { type: "Error", message: String(error) };
}

function completeAll(): void {
  for (const run of [...open]) run.completeAtExit(uncaught);
}
