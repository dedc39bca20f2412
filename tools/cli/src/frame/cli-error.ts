/**
 * Why a command cannot do what it was asked, all of which end in exit code 2: the command line is wrong
 * (`bad_arguments`), what it names is wrong (`bad_input`), or this host cannot do it (`bad_environment`).
 */
export type CliErrorCode = "bad_arguments" | "bad_input" | "bad_environment";

const brand = Symbol.for("vrx.CliError");

/**
 * A problem the user can do something about. `message` says what was expected, what was found and what to do;
 * the frame prints it without a stack trace. `message` may have several lines.
 */
export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly [brand] = true;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CliError";
    this.code = code;
  }
}

/** Whether `error` is a {@link CliError}, also one of another copy of this package. */
export function isCliError(error: unknown): error is CliError {
  return typeof error === "object" && error !== null && brand in error;
}
