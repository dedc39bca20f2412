import type { CudaErrorCode } from "../errors.js";

/** What a result of the driver (`CUresult`, cuda.h) means to a caller; results that are not here are `driver_error`. */
const meanings: Readonly<Record<number, CudaErrorCode>> = {
  1: "invalid_argument", // INVALID_VALUE
  2: "out_of_memory",
  34: "device_unavailable", // STUB_LIBRARY
  36: "not_supported", // CALL_REQUIRES_NEWER_DRIVER
  46: "device_unavailable", // DEVICE_UNAVAILABLE: exclusive mode, in use by another process
  100: "device_unavailable", // NO_DEVICE
  101: "not_found", // INVALID_DEVICE
  200: "invalid_image",
  209: "invalid_image", // NO_BINARY_FOR_GPU
  214: "device_lost", // ECC_UNCORRECTABLE
  217: "not_supported", // PEER_ACCESS_UNSUPPORTED
  218: "invalid_image", // INVALID_PTX
  220: "device_lost", // NVLINK_UNCORRECTABLE
  221: "invalid_image", // JIT_COMPILER_NOT_FOUND
  222: "invalid_image", // UNSUPPORTED_PTX_VERSION
  223: "invalid_image", // JIT_COMPILATION_DISABLED
  226: "device_lost", // CONTAINED
  300: "invalid_image", // INVALID_SOURCE
  500: "not_found",
  600: "busy", // NOT_READY
  700: "kernel_failed", // ILLEGAL_ADDRESS
  701: "launch_out_of_resources",
  702: "kernel_failed", // LAUNCH_TIMEOUT
  710: "kernel_failed", // ASSERT
  714: "kernel_failed", // HARDWARE_STACK_ERROR
  715: "kernel_failed", // ILLEGAL_INSTRUCTION
  716: "kernel_failed", // MISALIGNED_ADDRESS
  717: "kernel_failed", // INVALID_ADDRESS_SPACE
  718: "kernel_failed", // INVALID_PC
  719: "kernel_failed", // LAUNCH_FAILED
  720: "launch_out_of_resources", // COOPERATIVE_LAUNCH_TOO_LARGE
  800: "permission", // NOT_PERMITTED
  801: "not_supported",
  900: "invalid_capture",
  901: "invalid_capture",
  902: "invalid_capture",
  903: "invalid_capture",
  904: "invalid_capture",
  905: "invalid_capture",
  906: "invalid_capture",
  907: "invalid_capture",
  908: "invalid_capture",
};

/** Results after which every further call in the context fails in the same way (CUDA driver API, "Data types"). */
const sticky = new Set([214, 220, 226, 700, 702, 710, 714, 715, 716, 717, 718, 719]);

/** The code of a result of the driver. */
export function codeOfResult(result: number): CudaErrorCode {
  return meanings[result] ?? "driver_error";
}

/** True where a result of the driver means that the context is lost. */
export function isStickyResult(result: number): boolean {
  return sticky.has(result);
}
