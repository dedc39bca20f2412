import type { UnavailableReason } from "../gpu-report.js";

/** Each reason in words, and what to do about it. */
export const fixes: Readonly<
  Record<UnavailableReason | "runtime_unavailable", { readonly why: string; readonly fix: string }>
> = {
  addon_not_built: {
    why: "GPU support is not built in",
    fix: "run `vrx native build`, or install a package with a prebuilt addon for this platform",
  },
  kernels_missing: {
    why: "the addon is built and its kernels are not packaged",
    fix: "install @vrx/native-cuda again, or build it from a complete checkout",
  },
  driver_missing: {
    why: "no NVIDIA driver was found",
    fix: "install the NVIDIA driver, or pass the GPU into the container (--gpus all)",
  },
  stub_library: {
    why: "the CUDA library that was found is a stub for linking, with no driver behind it",
    fix: "take the toolkit's stubs folder off LD_LIBRARY_PATH",
  },
  driver_too_old: { why: "the driver is older than the packaged kernels need", fix: "update the NVIDIA driver" },
  no_device: {
    why: "the driver works and counts no device",
    fix: "look at `nvidia-smi -L`, the kernel's log (dmesg, Xid) and the card's seat and power",
  },
  hidden_by_visible_devices: {
    why: "CUDA_VISIBLE_DEVICES hides every GPU",
    fix: "unset CUDA_VISIBLE_DEVICES, or list a GPU's UUID in it",
  },
  permission: {
    why: "this user may not open the GPU",
    fix: "give the user access to /dev/nvidia*, or run the container with the GPU",
  },
  init_error: {
    why: "the driver failed to start",
    fix: "look at the kernel's log (dmesg, Xid); reload the driver or restart the host",
  },
  probe_timeout: {
    why: "the driver did not answer in time",
    fix: "look for processes that hang on the GPU and for Xid errors in dmesg; reset the GPU or restart the host",
  },
  probe_crashed: {
    why: "the process that asked the driver was lost",
    fix: "look at dmesg for the crash; a driver and a kernel module of different versions do this",
  },
  runtime_unavailable: {
    why: "the CUDA runtime is not available, and the report does not say why",
    fix: "run `vrx doctor` on that host",
  },
};
