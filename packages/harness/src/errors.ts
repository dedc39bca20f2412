/** Why a call of this package failed; closed, so that a `switch` over it is complete. */
export type HarnessErrorCode =
  /** An argument is outside of its domain. */
  | "invalid_argument"
  /** The workload cannot execute the spec as asked; nothing was run and nothing was written. */
  | "unsupported"
  /** The program to measure is not there or may not be executed; nothing was run and nothing was written. */
  | "command_not_found"
  /** A sample cannot be one, as a line of a program (`details.line` counts from 1) or a time longer than the run. */
  | "bad_sample"
  /** A program ended before its last measured step; `details` has `exit_code`. */
  | "child_exit"
  /** A program was ended by a signal before its last measured step; `details` has `signal`. */
  | "child_killed"
  /** The scheduler or the queue that an executor needs does not answer, or its client is not installed. */
  | "executor_unavailable"
  /** The GPUs of this host failed their preflight. */
  | "unfit_host"
  /** An optional package that this needs is not installed; the message says which. */
  | "missing_peer"
  /** A file of a trial store is not what it was when it was written; `details` says which. */
  | "damaged";

const brand = Symbol.for("@vrx/harness/HarnessError");

/** The one error class of this package; recognise it with `isHarnessError`. */
export class HarnessError extends Error {
  override readonly name = "HarnessError";
  readonly code: HarnessErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: HarnessErrorCode,
    message: string,
    options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }
}

/** True for errors of this package, from its ESM and its CJS build alike. */
export function isHarnessError(error: unknown): error is HarnessError {
  return typeof error === "object" && error !== null && brand in error;
}
