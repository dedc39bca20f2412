import { type Context, openContext } from "./context.js";
import { type DeviceAttributes, type AttributeName, attributeNumbers, readAttributes } from "./device-attributes.js";
import type { Driver } from "./driver.js";
import type { DriverHandle } from "./internal/addon-functions.js";
import { addonFunctions } from "./native-addon.js";

/** What a device is. UUIDs, never ordinals, name a device outside of this process. */
export interface DeviceFacts {
  /** The driver's number in this process: CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER decide it. */
  readonly ordinal: number;
  /** `GPU-...`, or `MIG-...` for an instance of a partitioned GPU. */
  readonly uuid: string;
  readonly name: string;
  /** `domain:bus:device.function` in hexadecimal digits, as NVML and lspci write it. */
  readonly pci_bus_id: string;
  readonly compute_capability: { readonly major: number; readonly minor: number };
  readonly total_bytes: number;
  /** Is error correction on? Null where the driver will not tell. */
  readonly ecc_enabled: boolean | null;
  /** True for an instance of a partitioned GPU. */
  readonly mig: boolean;
  /** True where the device has no memory of its own. */
  readonly integrated: boolean;
  readonly attributes: DeviceAttributes;
  /** True on a fake driver. */
  readonly simulated: boolean;
}

/** A device of a driver. It holds nothing; contexts do. */
export interface Device extends DeviceFacts {
  readonly driver: Driver;
  /** Retains the device's primary context, off the event loop. Each call gives a context of its own to dispose of. */
  openContext(): Promise<Context>;
  /** Can kernels here reach memory of `peer`? */
  canAccessPeer(peer: Device): boolean;
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** CUDA names an instance of a partitioned GPU after its profile, such as `NVIDIA A100-SXM4-40GB MIG 1g.5gb` or `1c.3g.20gb`. */
const migName = / MIG (?:\d+c\.)?\d+g\.\d+gb/;

/** Reads what device number `ordinal` is. */
export function createDevice(driver: Driver, handle: DriverHandle, ordinal: number): Device {
  const addon = addonFunctions();
  const info = addon.deviceInfo(handle, ordinal);
  const names = Object.keys(attributeNumbers) as AttributeName[];
  const values = addon.deviceAttributes(
    handle,
    ordinal,
    Int32Array.from(names, (name) => attributeNumbers[name]),
  );
  const number = (name: AttributeName): number | null => {
    const value = values[names.indexOf(name)];
    return value === undefined || Number.isNaN(value) ? null : value;
  };
  const flag = (name: AttributeName): boolean => (number(name) ?? 0) !== 0;
  const mig = migName.test(info.name);
  const device: Device = {
    ordinal,
    uuid: `${mig ? "MIG" : "GPU"}-${uuidText(info.uuid)}`,
    name: info.name,
    pci_bus_id: info.pci_bus_id.toLowerCase(),
    compute_capability: Object.freeze({
      major: number("compute_capability_major") ?? 0,
      minor: number("compute_capability_minor") ?? 0,
    }),
    total_bytes: info.total_bytes,
    ecc_enabled: number("ecc_enabled") === null ? null : flag("ecc_enabled"),
    mig,
    integrated: flag("integrated"),
    attributes: readAttributes(number),
    simulated: driver.simulated,
    driver,
    openContext: () => openContext(device, handle),
    canAccessPeer: (peer) => peer.driver === driver && addon.deviceCanAccessPeer(handle, ordinal, peer.ordinal),
  };
  return Object.freeze(device);
}
