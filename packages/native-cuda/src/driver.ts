import { type Device, createDevice } from "./device.js";
import type { DriverUnavailable } from "./driver-unavailable.js";
import type { DriverHandle } from "./internal/addon-functions.js";
import { explainFailure } from "./internal/explain-failure.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import { addonFunctions, requireAddon } from "./native-addon.js";

/**
 * The lowest version of the driver's API that the kernels of this package run on: they are built by nvcc 13.0, whose
 * images need a driver of CUDA 13.0 (release 580) or newer.
 */
export const MINIMUM_DRIVER_API = 13_000;

/** What `openDriver` takes. */
export interface DriverOptions {
  /** File of the CUDA driver; by default the system's, under its usual names. This is how a fake driver is loaded. */
  readonly library?: string;
  /**
   * The oldest API version that will do, by default `MINIMUM_DRIVER_API`. Lower it to look at a driver, or to run kernels
   * of your own.
   */
  readonly minimum_api?: number;
}

/** A driver that was loaded and has devices. */
export interface Driver {
  /** The file that was really loaded, as the dynamic linker names it. */
  readonly file: string;
  /** Version of its API: 1000 * major + 10 * minor. */
  readonly api_version: number;
  /** True for a fake driver: a library that exports `vrxFakeDriver`. What runs on it proves nothing of a device. */
  readonly simulated: boolean;
  /** The devices this process may use, by the driver's ordinals. */
  readonly devices: readonly Device[];
}

/** The driver, or why there is none. */
export type DriverOpen = { readonly status: "ok"; readonly driver: Driver } | DriverUnavailable;

const opened = new Map<string, Driver>();

/**
 * Loads the CUDA driver and starts it, off the event loop. That there is none, or no device, is a value with a reason and
 * what to do. A driver stays loaded for the life of the process; opening it again gives the same object.
 */
export async function openDriver(options: DriverOptions = {}): Promise<DriverOpen> {
  const addon = requireAddon();
  if (addon.status === "unavailable") {
    return {
      status: "unavailable",
      reason: "addon_not_built",
      message: addon.message,
      fix: addon.fix,
      file: null,
      api_version: null,
      cuda_result: null,
      cuda_name: null,
    };
  }
  const minimum = options.minimum_api ?? MINIMUM_DRIVER_API;
  const attempt = await addon.functions.openDriver(options.library ?? null);
  if (attempt.status === "failed") return explainFailure(attempt, options.library ?? null, addon.functions);
  if (attempt.api_version < minimum) {
    return {
      status: "unavailable",
      reason: "driver_too_old",
      message: `the driver ${attempt.file} has CUDA ${versionText(attempt.api_version)}; at least ${versionText(minimum)} is needed`,
      fix: "install a newer NVIDIA driver (release 580 or newer for CUDA 13.0)",
      file: attempt.file,
      api_version: attempt.api_version,
      cuda_result: null,
      cuda_name: null,
    };
  }
  const known = opened.get(attempt.file);
  if (known !== undefined) {
    addon.functions.dispose(attempt.driver);
    return { status: "ok", driver: known };
  }
  const driver = createDriver(attempt);
  opened.set(attempt.file, driver);
  return { status: "ok", driver };
}

function versionText(api: number): string {
  return `${Math.floor(api / 1000)}.${Math.floor((api % 1000) / 10)}`;
}

function createDriver(loaded: {
  readonly driver: DriverHandle;
  readonly file: string;
  readonly api_version: number;
  readonly simulated: boolean;
  readonly device_count: number;
}): Driver {
  const { file, api_version, simulated } = loaded;
  const devices: Device[] = [];
  const driver: Driver = Object.freeze({ file, api_version, simulated, devices });
  keepHandle(driver, loaded.driver);
  for (let ordinal = 0; ordinal < loaded.device_count; ordinal += 1) {
    devices.push(createDevice(driver, loaded.driver, ordinal));
  }
  Object.freeze(devices);
  return driver;
}

/**
 * Sends a command to a fake driver, which answers in its own way; a `CudaError` (`not_supported`) for a real one. The
 * words of these commands belong to the fake driver.
 */
export function controlFakeDriver(driver: Driver, command: string): string {
  return addonFunctions().controlFake(handleOf<DriverHandle>(driver), command);
}
