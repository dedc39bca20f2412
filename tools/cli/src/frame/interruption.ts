import { type ExitCode, exitCodes } from "./exit-codes.js";

/** SIGINT and SIGTERM while a long command runs. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code of the signal that came, if one did. */
  exitCode(): ExitCode | undefined;
  /** Leaves signals to the system again. */
  stop(): void;
}

const codes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;

/**
 * Turns the first SIGINT or SIGTERM into an aborted `signal`, so that a command can finish its artifacts; the second
 * one ends the process at once. Before a command that does not ask for this, signals end it as they end any program.
 */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let received: keyof typeof codes | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    if (name !== "SIGINT" && name !== "SIGTERM") return;
    if (received !== undefined) process.exit(codes[name]);
    received = name;
    controller.abort(new Error(`interrupted by ${name}`));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? undefined : codes[received]),
    stop() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
