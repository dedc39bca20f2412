import { CudaError } from "./errors.js";
import type { NvmlHandle } from "./internal/addon-functions.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import { nvmlResultName } from "./internal/nvml-results.js";
import { addonFunctions, requireAddon } from "./native-addon.js";

/** Why there is no NVML; closed. */
export type NvmlUnavailableReason =
  "addon_not_built" | "library_missing" | "driver_not_loaded" | "permission" | "init_error";

/** NVML, or why there is none. It needs no CUDA and sees every device, whatever CUDA_VISIBLE_DEVICES says. */
export type NvmlOpen =
  | { readonly status: "ok"; readonly nvml: Nvml }
  | {
      readonly status: "unavailable";
      readonly reason: NvmlUnavailableReason;
      readonly message: string;
      readonly fix: string;
    };

/** A process that uses a device, as the host's kernel numbers it: in a container that is another number. */
export interface GpuProcess {
  readonly pid: number;
  /** Null where the system does not tell (Windows display drivers, some containers). */
  readonly used_bytes: number | null;
}

/** A figure, or null with NVML's result saying why there is none, such as `NVML_ERROR_NOT_SUPPORTED`. */
export interface Unavailable {
  readonly figure: string;
  readonly result: string;
}

/** The state of confidential computing on this machine. */
export interface ConfComputeState {
  readonly enabled: boolean;
  readonly environment: "unavailable" | "simulation" | "production" | null;
  /** Debugging is allowed, so that nothing is confidential. */
  readonly dev_tools: boolean;
}

/** A device's own attestation, signed with its key; certificates as the device gives them (PEM). */
export interface AttestationReport {
  readonly report: Uint8Array;
  /** Report of the embedded controller, where the device has one. */
  readonly cec_report: Uint8Array | null;
  readonly certificates: Uint8Array | null;
}

/** Figures by their names in the addon, and what was not to be had. */
export interface FigureReading {
  readonly values: ReadonlyMap<string, number>;
  readonly unavailable: readonly Unavailable[];
}

/** NVML as it was loaded. Devices are named by UUID, never by index. */
export interface Nvml {
  /** The file that was really loaded. */
  readonly file: string;
  /** The driver's release, such as `580.65.06`. */
  readonly driver_version: string;
  /** UUIDs of all physical devices of the machine, hidden ones included. */
  deviceUuids(): readonly string[];
  hasDevice(uuid: string): boolean;
  /** The physical device behind a MIG instance; the device itself for what is none. */
  boardUuid(uuid: string): string;
  /** The product's name; null where NVML does not say. */
  deviceName(uuid: string): string | null;
  /** Reads figures off the event loop. Throws `not_found` for a device that is not there. */
  read(uuid: string, figures: readonly string[]): Promise<FigureReading>;
  /** Processes that compute on the device; null where the system does not tell. */
  computeProcesses(uuid: string): Promise<readonly GpuProcess[] | null>;
  /** Null where this machine's driver has no such thing. */
  confCompute(): ConfComputeState | null;
  /** A device's attestation of its firmware and state for a nonce of 32 bytes; null where it has none to give. */
  attestation(uuid: string, nonce: Uint8Array): Promise<AttestationReport | null>;
}

/** NVML's results that need words of their own (nvml.h). */
const nvmlResult = { no_permission: 4, driver_not_loaded: 9 } as const;

let known: Map<string, Nvml> | undefined;

/**
 * Loads and starts NVML, off the event loop. `library`: its file, by default the system's; for a fake driver it is the
 * driver's own file. Opening it again gives the same object.
 */
export async function openNvml(options: { readonly library?: string } = {}): Promise<NvmlOpen> {
  const load = requireAddon();
  if (load.status === "unavailable") {
    return { status: "unavailable", reason: "addon_not_built", message: load.message, fix: load.fix };
  }
  const attempt = await load.functions.openNvml(options.library ?? null);
  if (attempt.status === "failed") {
    const where = attempt.file ?? options.library ?? "NVML";
    if (attempt.stage === "load") {
      return {
        status: "unavailable",
        reason: "library_missing",
        message: `NVML cannot be loaded: ${attempt.detail}`,
        fix: "install the NVIDIA driver, which brings NVML; in a container, ask for the `utility` capability",
      };
    }
    const name = nvmlResultName(attempt.result ?? -1);
    switch (attempt.result) {
      case nvmlResult.no_permission:
        return {
          status: "unavailable",
          reason: "permission",
          message: `${where} may not be used: ${name}`,
          fix: "let this user open /dev/nvidiactl",
        };
      case nvmlResult.driver_not_loaded:
        return {
          status: "unavailable",
          reason: "driver_not_loaded",
          message: `${where} finds no driver: ${name}`,
          fix: "load the NVIDIA kernel module (modprobe nvidia), and look at the kernel's log",
        };
      default:
        return {
          status: "unavailable",
          reason: "init_error",
          message: `${where} fails to start: ${attempt.result === null ? attempt.detail : name}`,
          fix: "look at `nvidia-smi`; after an update of the driver, restart the machine",
        };
    }
  }
  known ??= new Map<string, Nvml>();
  const same = known.get(attempt.file);
  if (same !== undefined) {
    load.functions.dispose(attempt.nvml);
    return { status: "ok", nvml: same };
  }
  const nvml = createNvml(attempt.nvml, attempt.file, attempt.driver_version);
  known.set(attempt.file, nvml);
  return { status: "ok", nvml };
}

function createNvml(handle: NvmlHandle, file: string, driver_version: string): Nvml {
  const addon = addonFunctions();
  const numbers = new Map(addon.nvmlFigures().map((name, index) => [name, index]));
  const requireDevice = (uuid: string): void => {
    if (!addon.nvmlHasDevice(handle, uuid)) {
      throw new CudaError("not_found", `NVML knows no device ${uuid}`, { details: { uuid } });
    }
  };
  const nvml: Nvml = {
    file,
    driver_version,
    deviceUuids: () => addon.nvmlDevices(handle),
    hasDevice: (uuid) => addon.nvmlHasDevice(handle, uuid),
    boardUuid: (uuid) => addon.nvmlParent(handle, uuid) ?? uuid,
    deviceName: (uuid) => addon.nvmlName(handle, uuid),
    async read(uuid, figures) {
      requireDevice(uuid);
      const wanted = Int32Array.from(figures, (name) => {
        const number = numbers.get(name);
        if (number === undefined) throw new CudaError("invalid_argument", `there is no figure ${name}`);
        return number;
      });
      const raw = await addon.nvmlRead(handle, uuid, wanted);
      const values = new Map<string, number>();
      const unavailable: Unavailable[] = [];
      for (const [index, figure] of figures.entries()) {
        const value = raw[index] ?? -3;
        if (value >= 0) values.set(figure, value);
        else unavailable.push({ figure, result: nvmlResultName(-value) });
      }
      return { values, unavailable };
    },
    async computeProcesses(uuid) {
      requireDevice(uuid);
      const processes = await addon.nvmlProcesses(handle, uuid);
      return typeof processes === "number" ? null : processes;
    },
    confCompute() {
      const state = addon.nvmlConfCompute(handle);
      if (typeof state === "number") return null;
      const environments = ["unavailable", "simulation", "production"] as const;
      return {
        enabled: state.feature !== 0,
        environment: environments[state.environment] ?? null,
        dev_tools: state.dev_tools !== 0,
      };
    },
    async attestation(uuid, nonce) {
      if (nonce.byteLength !== 32) {
        throw new CudaError("invalid_argument", `nonce: expected 32 bytes, found ${nonce.byteLength}`);
      }
      requireDevice(uuid);
      const report = await addon.nvmlAttestation(handle, uuid, nonce);
      return typeof report === "number" ? null : report;
    },
  };
  Object.freeze(nvml);
  keepHandle(nvml, handle);
  return nvml;
}

/** The addon's object behind `nvml`. */
export function nvmlHandle(nvml: Nvml): NvmlHandle {
  return handleOf<NvmlHandle>(nvml);
}
