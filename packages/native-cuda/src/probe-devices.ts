import type { Device, DeviceFacts } from "./device.js";
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
  return { status: "available", devices: devices.map(factsOf), file, api_version, simulated };
}

/** A device without what makes it more than data. */
function factsOf(device: Device): DeviceFacts {
  return {
    ordinal: device.ordinal,
    uuid: device.uuid,
    name: device.name,
    pci_bus_id: device.pci_bus_id,
    compute_capability: device.compute_capability,
    total_bytes: device.total_bytes,
    ecc_enabled: device.ecc_enabled,
    mig: device.mig,
    integrated: device.integrated,
    attributes: device.attributes,
    simulated: device.simulated,
  };
}
