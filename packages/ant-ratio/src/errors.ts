/** What can go wrong in this package; the list is closed, so that callers can switch over it. */
export type AntRatioErrorCode =
  "invalid_argument" | "budget_not_met" | "refused" | "missing_peer" | "read_failed" | "write_failed";

const brand = Symbol.for("vrx.AntRatioError");

/** The one error class of this package: `code` from a closed list, a message that says what to do, and the facts. */
export class AntRatioError extends Error {
  override readonly name = "AntRatioError";
  readonly code: AntRatioErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: AntRatioErrorCode,
    message: string,
    options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether `error` comes from this package, whichever copy of it (ESM, CJS, another version) threw it. */
export function isAntRatioError(error: unknown): error is AntRatioError {
  return error instanceof Error && brand in error;
}
