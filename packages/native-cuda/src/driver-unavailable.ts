import { CudaError } from "./errors.js";

/** Why there is no driver or no device to work with; closed. */
export type UnavailableReason =
  /** The native addon of this package is not there or cannot be loaded. */
  | "addon_not_built"
  /** No file of the CUDA driver (libcuda.so.1, nvcuda.dll) is to be found. */
  | "driver_missing"
  /** What was found is the empty library that toolkits link against, not a driver. */
  | "stub_library"
  /** The driver is older than the kernels of this package need (`MINIMUM_DRIVER_API`). */
  | "driver_too_old"
  /** The driver runs and knows no device. */
  | "no_device"
  /** There are devices, and CUDA_VISIBLE_DEVICES names none of them. */
  | "hidden_by_visible_devices"
  /** This user may not open the device. */
  | "permission"
  /** The driver's initialisation failed in another way. */
  | "init_error";

/** Why there is no driver or no device: the reason, in words, and what to do. */
export interface DriverUnavailable {
  readonly status: "unavailable";
  readonly reason: UnavailableReason;
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
  /** The driver's file that was loaded, where one was. */
  readonly file: string | null;
  /** Version of the driver's API (13000 for 13.0), where it was reached. */
  readonly api_version: number | null;
  /** Numeric CUDA result and its name, where the driver gave one. */
  readonly cuda_result: number | null;
  readonly cuda_name: string | null;
}

/** The same as an error, for functions that cannot go on. */
export function unavailableError(why: DriverUnavailable): CudaError {
  return new CudaError(
    why.reason === "addon_not_built" ? "addon_not_built" : "device_unavailable",
    `${why.message}; ${why.fix}`,
    { details: { reason: why.reason, fix: why.fix, file: why.file } },
  );
}
