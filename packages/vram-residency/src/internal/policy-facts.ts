import type { DeviceFacts, PointerFacts } from "@vrx/native-cuda";
import type { AllocationFacts, PolicyDeviceFacts } from "../policy.js";

/** What the policy asks of a device, from what the driver and NVML say. */
export function policyDeviceFacts(device: DeviceFacts, mig_mode: boolean | null): PolicyDeviceFacts {
  const { attributes } = device;
  return {
    ordinal: device.ordinal,
    uuid: device.uuid,
    integrated: device.integrated,
    mig_enabled: mig_mode ?? (device.mig ? true : null),
    driver_model: driverModel(attributes.tcc_driver),
    pageable_memory_access: attributes.pageable_memory_access,
    pageable_memory_access_uses_host_page_tables: attributes.pageable_access_uses_host_page_tables,
  };
}

function driverModel(tcc: boolean | null): PolicyDeviceFacts["driver_model"] {
  if (process.platform !== "win32") return "none";
  return tcc === null ? null : tcc ? "tcc" : "wddm";
}

/** What the policy asks of an allocation. */
export function policyAllocationFacts(facts: PointerFacts): AllocationFacts {
  return {
    memory_type: facts.memory_type,
    is_managed: facts.managed,
    has_host_pointer: facts.host_accessible,
    device_ordinal: facts.device_ordinal,
    range_bytes: facts.range_bytes === null ? null : facts.range_bytes - (facts.range_offset ?? 0),
  };
}
