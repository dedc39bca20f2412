import { getSystemErrorMap } from "node:util";
import { isCliError } from "./cli-error.js";
import { type ExitCode, exitCodes } from "./exit-codes.js";
import type { Output } from "./output.js";

/** A failed call of the operating system, as Node reports it. */
export interface SystemError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path?: string;
}

/** Whether `error` came from the operating system: no such file, no permission, disk full. */
export function isSystemError(error: unknown): error is SystemError {
  return (
    error instanceof Error &&
    "syscall" in error &&
    "errno" in error &&
    typeof error.errno === "number" &&
    "code" in error &&
    typeof error.code === "string"
  );
}

/** What the operating system said, in words: `permission denied`. */
export function systemReason(error: SystemError): string {
  return getSystemErrorMap().get(error.errno)?.[1] ?? error.code;
}

/**
 * Says on stderr why a command failed, and returns its exit code: what the user can mend is said in one message
 * (exit 2); anything else is a defect of vrx (exit 70). Stack traces appear only with VRX_DEBUG=1.
 */
export function reportFailure(error: unknown, output: Output, debug: boolean): ExitCode {
  if (debug && error instanceof Error && error.stack !== undefined) output.problem(stackWithCauses(error));
  if (isCliError(error)) {
    output.error(error.message);
    return exitCodes.wrongInput;
  }
  if (isSystemError(error)) {
    const place = error.path === undefined ? "" : `${error.path}: `;
    output.error(`${place}${systemReason(error)} (${error.syscall}, ${error.code})`);
    return exitCodes.wrongInput;
  }
  output.error(
    [
      `a defect of vrx: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
      "Nothing is wrong with your input. Please report it at https://github.com/vrx-dev/vrx/issues with this message,",
      `the command line and what \`vrx --version --json\` prints.${debug ? "" : " VRX_DEBUG=1 adds the stack trace."}`,
    ].join("\n"),
  );
  return exitCodes.defect;
}

function stackWithCauses(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by ${stackWithCauses(error.cause)}` : own;
}
