/** Why a call of this package failed; closed, so that a `switch` over it is complete. */
export type RingEngineErrorCode =
  /** An argument is outside of its domain. */
  | "invalid_argument"
  /** The options or the workload have problems; `details.problems` lists all of them. */
  | "invalid_options"
  /** The engine cannot execute what was asked; `details.engines` names those that can. */
  | "unsupported"
  /** The engine is not available here (no addon for this platform, no device). */
  | "engine_unavailable"
  /** The workload needs more memory than can be allocated. */
  | "out_of_memory"
  /** A step is still running. */
  | "busy"
  /** The session or backend was disposed of. */
  | "disposed"
  /** Bytes that are no checkpoint, a damaged one, or one of another version. */
  | "invalid_checkpoint"
  /** A checkpoint of another configuration, seed or engine. */
  | "checkpoint_mismatch"
  /** The engine itself failed. */
  | "engine_failure";

const brand = Symbol.for("@vrx/ring-engine/RingEngineError");

/** The one error class of this package; recognise it with `isRingEngineError`. */
export class RingEngineError extends Error {
  override readonly name = "RingEngineError";
  readonly code: RingEngineErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: RingEngineErrorCode,
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
export function isRingEngineError(error: unknown): error is RingEngineError {
  return typeof error === "object" && error !== null && brand in error;
}
