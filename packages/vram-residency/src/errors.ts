import type { VerificationFailure } from "./verify/index.js";

/** What can go wrong in this package; the list is closed, so that callers can switch over it. */
export type VramErrorCode =
  | "insufficient_vram"
  | "cuda_allocation_failed"
  | "cuda_deallocation_failed"
  | "cuda_copy_failed"
  | "cuda_driver_error"
  | "seal_verification_failed"
  | "integrity_violation"
  | "policy_violation"
  | "not_sealed"
  | "duplicate_model"
  | "invalid_input"
  | "config_error"
  | "worker_stopped"
  | "disposed"
  | "aborted";

/** The codes of a worker's own interface. */
export type WorkerErrorCode =
  "VRAM_OOM" | "CUDA_ERROR" | "MODEL_LOAD_FAILED" | "SEAL_VERIFICATION_FAILED" | "INVALID_PARAMS" | "INTERNAL";

/** An error as a worker's interface passes it on. */
export interface WorkerError {
  readonly code: WorkerErrorCode;
  readonly message: string;
  readonly retriable: boolean;
  /** How long to wait before another try; null where another try is no use, or nobody can say. */
  readonly retry_after_ms: number | null;
}

interface Rule {
  readonly worker: WorkerErrorCode;
  /** Another try may do. */
  readonly retriable: boolean;
  /** The worker must not serve any more. */
  readonly fatal: boolean;
}

const RULES: Readonly<Record<VramErrorCode, Rule>> = {
  insufficient_vram: { worker: "VRAM_OOM", retriable: true, fatal: false },
  cuda_allocation_failed: { worker: "CUDA_ERROR", retriable: true, fatal: false },
  cuda_deallocation_failed: { worker: "CUDA_ERROR", retriable: false, fatal: false },
  cuda_copy_failed: { worker: "CUDA_ERROR", retriable: false, fatal: false },
  cuda_driver_error: { worker: "CUDA_ERROR", retriable: false, fatal: true },
  seal_verification_failed: { worker: "SEAL_VERIFICATION_FAILED", retriable: false, fatal: true },
  integrity_violation: { worker: "SEAL_VERIFICATION_FAILED", retriable: false, fatal: true },
  policy_violation: { worker: "INTERNAL", retriable: false, fatal: true },
  not_sealed: { worker: "SEAL_VERIFICATION_FAILED", retriable: false, fatal: false },
  duplicate_model: { worker: "INVALID_PARAMS", retriable: false, fatal: false },
  invalid_input: { worker: "INVALID_PARAMS", retriable: false, fatal: false },
  config_error: { worker: "INTERNAL", retriable: false, fatal: false },
  worker_stopped: { worker: "INTERNAL", retriable: false, fatal: true },
  disposed: { worker: "INTERNAL", retriable: false, fatal: false },
  aborted: { worker: "MODEL_LOAD_FAILED", retriable: true, fatal: false },
};

/** Facts of an error, by name: numbers of bytes, reasons, names of functions of the driver. Never an address or a key. */
export type VramErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

const RETRY_AFTER_MS = 1000;

const brand = Symbol.for("vrx.VramResidencyError");

/** The one error class of this package: `code` from a closed list, a message that says what to do, and the facts. */
export class VramResidencyError extends Error {
  override readonly name = "VramResidencyError";
  readonly code: VramErrorCode;
  readonly details: VramErrorDetails;

  constructor(
    code: VramErrorCode,
    message: string,
    options: { readonly details?: VramErrorDetails; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  /** Whether the same call may succeed later. */
  get retriable(): boolean {
    return RULES[this.code].retriable;
  }

  /** Whether the worker must stop serving. */
  get fatal(): boolean {
    return RULES[this.code].fatal;
  }

  /** The error for a worker's interface: VRAM that is full has a code of its own, apart from a host out of memory. */
  toWorkerError(): WorkerError {
    const { worker, retriable } = RULES[this.code];
    return { code: worker, message: this.message, retriable, retry_after_ms: retriable ? RETRY_AFTER_MS : null };
  }
}

/** Whether `error` comes from this package, whichever copy of it (ESM, CJS, another version) threw it. */
export function isVramResidencyError(error: unknown): error is VramResidencyError {
  return error instanceof Error && brand in error;
}

/** The error for an argument that is not what it must be. */
export function invalidInput(message: string): VramResidencyError {
  return new VramResidencyError("invalid_input", message);
}

/** The error for a verification that failed, where a caller wants one thrown. */
export function verificationError(shard_id: string, reason: VerificationFailure): VramResidencyError {
  const code =
    reason === "not_sealed" || reason === "missing_signature"
      ? "not_sealed"
      : reason === "unknown_allocation" || reason === "size_mismatch" || reason === "device_mismatch"
        ? "integrity_violation"
        : "seal_verification_failed";
  const message = `the seal of ${shard_id} does not hold (${reason}): do not serve from it; stop the worker and load the model anew`;
  return new VramResidencyError(code, message, { details: { shard_id, reason } });
}
