import { type CudaError, isCudaError } from "@vrx/native-cuda";
import { VramResidencyError, isVramResidencyError } from "../errors.js";

/** What was being done when the driver failed. */
export type DriverAction = "allocate" | "copy" | "adopt" | "hash" | "free" | "open";

/** An error of this package for whatever was thrown: the driver's own with its name and call, an abort as one. */
export function driverFailure(error: unknown, action: DriverAction): VramResidencyError {
  if (isVramResidencyError(error)) return error;
  if (error instanceof Error && error.name === "AbortError") {
    return new VramResidencyError("aborted", "the caller gave up", { cause: error });
  }
  if (!isCudaError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return new VramResidencyError("invalid_input", `the model's bytes could not be read: ${message}`, { cause: error });
  }
  const details = { cuda_code: error.code, cuda_name: error.cuda_name, call: error.driver?.call ?? null };
  return new VramResidencyError(codeOf(error, action), `${words[action]}: ${error.message}`, { details, cause: error });
}

const words: Readonly<Record<DriverAction, string>> = {
  allocate: "the driver did not allocate VRAM",
  copy: "the bytes could not be copied to or from the device",
  adopt: "the bytes of the other process could not be taken",
  hash: "the device could not hash its bytes",
  free: "the driver did not free VRAM",
  open: "the device could not be opened",
};

function codeOf(error: CudaError, action: DriverAction): VramResidencyError["code"] {
  if (error.sticky || error.code === "device_lost" || error.code === "kernel_failed") return "cuda_driver_error";
  if (action === "allocate") return "cuda_allocation_failed";
  if (action === "free") return "cuda_deallocation_failed";
  // What the driver was never asked for was refused before: there is no such offer, or it is none.
  if (action === "adopt") return error.driver === null ? "invalid_input" : "cuda_copy_failed";
  if (action === "copy") return "cuda_copy_failed";
  return SET_UP.has(error.code) ? "config_error" : "cuda_driver_error";
}

/** What is wrong before there is a device to fail. */
const SET_UP: ReadonlySet<CudaError["code"]> = new Set([
  "addon_not_built",
  "device_unavailable",
  "not_found",
  "invalid_argument",
]);
