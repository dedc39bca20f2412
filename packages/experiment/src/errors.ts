/** What can go wrong in this package; the list is closed, so that callers can switch over it. */
export type ExperimentErrorCode =
  | "shape_mismatch"
  | "invalid_layer"
  | "invalid_argument"
  | "invalid_file"
  | "invalid_data"
  | "missing_file"
  | "missing_key"
  | "unknown_component"
  | "unsupported"
  | "engine_failed"
  | "not_finite"
  | "cache_overflow"
  | "checkpoint_mismatch"
  | "expectation_failed"
  | "verification_failed"
  | "benchmark_failed"
  | "writer_failed"
  | "interrupted";

const brand = Symbol.for("vrx.ExperimentError");

/** The one error class of this package: `code` from a closed list, a message that says what to do, and the facts. */
export class ExperimentError extends Error {
  override readonly name = "ExperimentError";
  readonly code: ExperimentErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ExperimentErrorCode,
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
export function isExperimentError(error: unknown): error is ExperimentError {
  return error instanceof Error && brand in error;
}
