/** What can go wrong in this package; the list is closed, so that callers can switch over it. */
export type ObjectiveContractErrorCode =
  | "invalid_header"
  | "invalid_sample"
  | "invalid_outcome"
  | "invalid_contract"
  | "invalid_option"
  | "vram_guard_ratio_out_of_range"
  | "run_exists"
  | "run_closed"
  | "run_unusable"
  | "not_a_directory"
  | "write_failed"
  | "read_failed"
  | "watchdog_failed";

const brand = Symbol.for("vrx.ObjectiveContractError");

/** The one error class of this package: `code` from a closed list, a message that says what to do, and the facts. */
export class ObjectiveContractError extends Error {
  override readonly name = "ObjectiveContractError";
  readonly code: ObjectiveContractErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ObjectiveContractErrorCode,
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
export function isObjectiveContractError(error: unknown): error is ObjectiveContractError {
  return error instanceof Error && brand in error;
}
