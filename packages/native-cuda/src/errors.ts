/** Why a call of this package failed; closed, so that a `switch` over it is complete. */
export type CudaErrorCode =
  /** The native addon of this package is not there or cannot be loaded. */
  | "addon_not_built"
  /** The machine has no usable driver or device; `details.reason` says why, as `openDriver` would. */
  | "device_unavailable"
  /** An argument is outside of its domain; nothing was done. */
  | "invalid_argument"
  /** Bytes outside of a buffer; nothing was done. */
  | "out_of_range"
  /** The object was disposed of, or belongs to something that was. */
  | "disposed"
  /** The object is in use in a way that excludes this call. */
  | "busy"
  /** The device or the host has not enough memory; `details` has the bytes that were asked for. */
  | "out_of_memory"
  /** A limit that the caller set would be exceeded; `details` has the limit and what was asked for. */
  | "limit_exceeded"
  /** This driver, device or platform lacks what was asked for. */
  | "not_supported"
  /** No such device, kernel, file or symbol. */
  | "not_found"
  /** A kernel image that this device cannot run, or no image at all. */
  | "invalid_image"
  /** A launch asks for more registers, shared memory, threads or blocks than there are. */
  | "launch_out_of_resources"
  /** A kernel failed while it ran; the context is lost. */
  | "kernel_failed"
  /** The device failed, or NVML says that it has fallen off the bus; the context is lost. */
  | "device_lost"
  /** A stream capture was used in a way that it excludes. */
  | "invalid_capture"
  /** The operating system or the driver denies access. */
  | "permission"
  /** Two processes could not hand over a buffer. */
  | "exchange_failed"
  /** The driver failed in another way; `cuda_name` says how. */
  | "driver_error";

/** What the driver said about a call that failed. */
export interface DriverFailure {
  /** Numeric result of the call (`CUresult` or `nvmlReturn_t`). */
  readonly result: number;
  /** Its name, such as `CUDA_ERROR_OUT_OF_MEMORY`. */
  readonly name: string;
  /** The driver's own words. */
  readonly text: string;
  /** The driver's function that failed, such as `cuMemAlloc_v2`. */
  readonly call: string;
  /** File and line in the addon where it was called. */
  readonly site: string;
}

const brand = Symbol.for("@vrx/native-cuda/CudaError");

/** The one error class of this package; recognise it with `isCudaError`. */
export class CudaError extends Error {
  override readonly name = "CudaError";
  readonly code: CudaErrorCode;
  /** What the driver said, where the driver was asked; null for what this package refused itself. */
  readonly driver: DriverFailure | null;
  /** True where the context cannot be used any more: dispose of it, or end the process. */
  readonly sticky: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: CudaErrorCode,
    message: string,
    options: {
      readonly driver?: DriverFailure;
      readonly sticky?: boolean;
      readonly details?: Readonly<Record<string, unknown>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.driver = options.driver ?? null;
    this.sticky = options.sticky ?? false;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  /** Numeric CUDA result, such as 2; null where the driver was not asked. */
  get cuda_result(): number | null {
    return this.driver?.result ?? null;
  }

  /** CUDA's name of the result, such as `CUDA_ERROR_OUT_OF_MEMORY`; null where the driver was not asked. */
  get cuda_name(): string | null {
    return this.driver?.name ?? null;
  }
}

/** True for errors of this package, from its ESM and its CJS build alike. */
export function isCudaError(error: unknown): error is CudaError {
  return typeof error === "object" && error !== null && brand in error;
}
