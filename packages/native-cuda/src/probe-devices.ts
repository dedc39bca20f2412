import type { DeviceFacts } from "./device.js";
import { type DriverOptions, openDriver } from "./driver.js";
import type { DriverUnavailable } from "./driver-unavailable.js";

/** What devices there are, as plain data, or why there are none. */
export type DeviceProbe =
  | {
      readonly status: "available";
      readonly devices: readonly DeviceFacts[];
      /** The driver's file and version of its API. */
      readonly file: string;
      readonly api_version: number;
      readonly simulated: boolean;
    }
  | DriverUnavailable;

/** Looks for devices; never throws for what the machine lacks. Makes no context, so it takes no memory of a device. */
export async function probeDevices(options: DriverOptions = {}): Promise<DeviceProbe> {
  const opened = await openDriver(options);
  if (opened.status === "unavailable") return opened;
  const { devices, file, api_version, simulated } = opened.driver;
  const facts = devices.map((device): DeviceFacts => {
    const { driver: _driver, openContext: _openContext, canAccessPeer: _canAccessPeer, ...rest } = device;
    return rest;
  });
  return { status: "available", devices: facts, file, api_version, simulated };
}
