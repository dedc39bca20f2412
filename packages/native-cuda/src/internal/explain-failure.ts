import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import type { DriverUnavailable, UnavailableReason } from "../driver-unavailable.js";
import type { AddonFunctions, StageFailure } from "./addon-functions.js";

const results = {
  stub_library: 34,
  no_device: 100,
  operating_system: 304,
  not_permitted: 800,
  system_not_ready: 802,
  driver_mismatch: 803,
  compat_not_supported: 804,
} as const;

interface Explanation {
  readonly reason: UnavailableReason;
  readonly message: string;
  readonly fix: string;
}

const anotherUser = "let this user open /dev/nvidia* (a group, a udev rule, or the container's device options)";

/** Why the driver's first steps failed, from how far they came and what the system says. */
export async function explainFailure(
  failure: StageFailure,
  library: string | null,
  addon: AddonFunctions,
): Promise<DriverUnavailable> {
  const { reason, message, fix } = await explain(failure, library, addon);
  return {
    status: "unavailable",
    reason,
    message,
    fix,
    file: failure.file,
    api_version: failure.api_version,
    cuda_result: failure.result,
    cuda_name: failure.result_name,
  };
}

async function explain(failure: StageFailure, library: string | null, addon: AddonFunctions): Promise<Explanation> {
  const where = failure.file ?? library ?? "the CUDA driver";
  switch (failure.stage) {
    case "load":
      return explainLoad(failure, library);
    case "symbols":
      return isStubFile(failure.file)
        ? stub(where)
        : {
            reason: "driver_too_old",
            message: `${where} lacks functions that every driver since CUDA 12 has: ${failure.detail}`,
            fix: "install a newer NVIDIA driver (release 580 or newer for CUDA 13.0)",
          };
    default:
      return await explainResult(failure, where, library, addon);
  }
}

function explainLoad(failure: StageFailure, library: string | null): Explanation {
  if (/permission denied/i.test(failure.detail)) {
    return { reason: "permission", message: `the CUDA driver cannot be read: ${failure.detail}`, fix: anotherUser };
  }
  if (library !== null) {
    return {
      reason: "driver_missing",
      message: `${library} cannot be loaded: ${failure.detail}`,
      fix: "name a library that has the CUDA driver's interface, or leave the name out for the system's driver",
    };
  }
  if (process.platform === "darwin") {
    return {
      reason: "driver_missing",
      message: "there is no CUDA driver for macOS",
      fix: "use a machine with Linux or Windows and an NVIDIA GPU",
    };
  }
  return {
    reason: "driver_missing",
    message: `there is no CUDA driver on this machine (${failure.detail})`,
    fix: hasNvidiaHardware()
      ? "there is an NVIDIA device: install its driver, or start the container with the driver's libraries (--gpus all)"
      : "use a machine with an NVIDIA GPU and install its driver; nothing else of CUDA is needed",
  };
}

function stub(where: string): Explanation {
  return {
    reason: "stub_library",
    message: `${where} is the stub that CUDA toolkits link against, not a driver`,
    fix: "install the NVIDIA driver, and take the toolkit's stubs folder out of LD_LIBRARY_PATH",
  };
}

async function explainResult(
  failure: StageFailure,
  where: string,
  library: string | null,
  addon: AddonFunctions,
): Promise<Explanation> {
  const name = failure.result_name ?? "an unknown result";
  switch (failure.result) {
    case results.stub_library:
      return stub(where);
    case results.no_device:
      return await explainNoDevice(where, library, addon);
    case results.not_permitted:
      return { reason: "permission", message: `${where} may not be used: ${name}`, fix: anotherUser };
    case results.operating_system:
      if (deniedDevice() !== undefined) return denied(where);
      break;
    case results.system_not_ready:
      return {
        reason: "init_error",
        message: `${where} is not ready: ${name}`,
        fix: "start nvidia-fabricmanager (machines with NVSwitch need it), or wait until the GPUs are ready",
      };
    case results.driver_mismatch:
    case results.compat_not_supported:
      return {
        reason: "init_error",
        message: `${where} does not fit the kernel's driver: ${name}`,
        fix: "restart after the driver was updated, or take the CUDA compat folder out of LD_LIBRARY_PATH",
      };
    default:
      break;
  }
  return {
    reason: "init_error",
    message: `${where} fails to start: ${name} (${failure.detail})`,
    fix: "look at `nvidia-smi` and at the kernel's log (`dmesg | grep -i nvrm`); a restart or a reset of the GPU may help",
  };
}

async function explainNoDevice(where: string, library: string | null, addon: AddonFunctions): Promise<Explanation> {
  const visible = process.env["CUDA_VISIBLE_DEVICES"];
  const present = await devicesThatExist(library, addon);
  if (deniedDevice() !== undefined && library === null) return denied(where);
  if (present !== 0 && (visible !== undefined || (present ?? 0) > 0)) {
    const count = present === null ? "the machine's devices" : `${present} device(s)`;
    return {
      reason: "hidden_by_visible_devices",
      message: `${count} are there, and CUDA_VISIBLE_DEVICES=${JSON.stringify(visible ?? "")} shows none of them`,
      fix: "unset CUDA_VISIBLE_DEVICES, or set it to ordinals or UUIDs of this machine (`nvidia-smi -L`)",
    };
  }
  return {
    reason: "no_device",
    message: `${where} runs and knows no device`,
    fix: "look at `nvidia-smi -L`; in a container, start it with access to the GPUs (--gpus all)",
  };
}

function denied(where: string): Explanation {
  return {
    reason: "permission",
    message: `${where} finds no device: this user may not open ${deniedDevice() ?? "/dev/nvidia*"}`,
    fix: anotherUser,
  };
}

/** Devices that NVML or the kernel's driver knows, whatever CUDA_VISIBLE_DEVICES says; null where nobody can tell. */
async function devicesThatExist(library: string | null, addon: AddonFunctions): Promise<number | null> {
  const nvml = await addon.openNvml(library);
  if (nvml.status === "loaded") {
    try {
      return addon.nvmlDevices(nvml.nvml).length;
    } finally {
      addon.dispose(nvml.nvml);
    }
  }
  if (library !== null) return null;
  try {
    return readdirSync("/proc/driver/nvidia/gpus").length;
  } catch {
    return null;
  }
}

function isStubFile(file: string | null): boolean {
  return file !== null && /[/\\]stubs[/\\]/.test(file);
}

/** The first of the driver's device files that is there and may not be opened. */
function deniedDevice(): string | undefined {
  if (process.platform !== "linux") return undefined;
  const files = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0"].filter((file) => existsSync(file));
  return files.find((file) => {
    try {
      accessSync(file, constants.R_OK | constants.W_OK);
      return false;
    } catch {
      return true;
    }
  });
}

/** Does the kernel see an NVIDIA device on the PCI bus? */
function hasNvidiaHardware(): boolean {
  return existsSync("/proc/driver/nvidia/version") || existsSync("/dev/nvidiactl");
}
