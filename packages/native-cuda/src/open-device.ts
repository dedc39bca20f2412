import type { Device } from "./device.js";
import { type DriverOptions, openDriver } from "./driver.js";
import { unavailableError } from "./driver-unavailable.js";
import { CudaError } from "./errors.js";

/** Finds a device by its ordinal or UUID (`GPU-...`, `MIG-...`, in full or a beginning that fits one alone). */
export function findDevice(devices: readonly Device[], selector: number | string): Device {
  const found =
    typeof selector === "number"
      ? devices.filter((device) => device.ordinal === selector)
      : devices.filter((device) => device.uuid.toLowerCase().startsWith(selector.toLowerCase()));
  const [device] = found;
  if (device !== undefined && found.length === 1 && selector !== "") return device;
  const known = devices.map(({ ordinal, uuid, name }) => `${ordinal}: ${uuid} (${name})`).join(", ");
  throw new CudaError(
    "not_found",
    found.length > 1
      ? `${JSON.stringify(selector)} fits ${found.length} devices; expected one of ${known}`
      : `there is no device ${JSON.stringify(selector)}; expected one of ${known}`,
    { details: { selector, devices: devices.map(({ uuid }) => uuid) } },
  );
}

/**
 * A device by its ordinal or UUID. Throws a `CudaError`: `addon_not_built` or `device_unavailable` where there is no
 * driver (its message says what to do), `not_found` for a device that is not there.
 */
export async function openDevice(selector: number | string = 0, options: DriverOptions = {}): Promise<Device> {
  const opened = await openDriver(options);
  if (opened.status === "unavailable") throw unavailableError(opened);
  return findDevice(opened.driver.devices, selector);
}
