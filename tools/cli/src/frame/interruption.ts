import { type ExitCode, exitCodes } from "./exit-codes.js";

/** SIGINT, SIGTERM and SIGHUP while a long command runs. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code of the signal that came, if one did. */
  exitCode(): ExitCode | undefined;
  /** Leaves signals to the system again. */
  stop(): void;
}

const codes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated, SIGHUP: exitCodes.hungUp } as const;
const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Turns the first of these signals into an aborted `signal`, so that a command can finish its artifacts; the second
 * one ends the process at once. Before a command that does not ask for this, signals end it as they end any program.
 */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let received: keyof typeof codes | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const name = names.find((known) => known === signal);
    if (name === undefined) return;
    if (received !== undefined) process.exit(codes[name]);
    received = name;
    controller.abort(new Error(`interrupted by ${name}`));
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? undefined : codes[received]),
    stop() {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
