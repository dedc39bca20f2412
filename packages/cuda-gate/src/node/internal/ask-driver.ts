import type * as Native from "@vrx/native-cuda";
import type { GpuReport, ReportedDevice } from "../../gpu-report.js";

type NativeCuda = Pick<typeof Native, "openDriver" | "openNvml" | "readGpu">;

/** What the driver itself says: the part of a report that may hang, crash or lie. */
export type DriverAnswer = Pick<
  GpuReport,
  "devices" | "unavailable" | "driver_version" | "cuda_driver_api" | "driver_library" | "simulated" | "reasons"
>;

/** Asks the CUDA driver and NVML about everything in a report. Makes no context and takes no memory of a GPU. */
export async function askDriver(native: NativeCuda, library: string | null): Promise<DriverAnswer> {
  const opened = await native.openDriver(library === null ? {} : { library });
  const reasons: Record<string, string> = {};
  const available = opened.status === "ok";
  if (!available) reasons["cuda_runtime_available"] = `${opened.message}; ${opened.fix}`;
  // A fake driver brings its own NVML; the system's would tell of other devices.
  const nvml = await native.openNvml(library === null ? {} : { library });
  if (nvml.status === "unavailable") {
    reasons["driver_version"] = nvml.message;
    if (available) reasons["devices/*/health"] = `${nvml.message}; ${nvml.fix}`;
  }
  const devices: ReportedDevice[] = [];
  for (const device of available ? opened.driver.devices : []) {
    const { ordinal, name, uuid, pci_bus_id, compute_capability, total_bytes, mig, integrated } = device;
    let state: Pick<ReportedDevice, "free_bytes" | "health"> = { free_bytes: null, health: null };
    if (nvml.status === "ok") {
      try {
        state = stateOf(await native.readGpu(nvml.nvml, uuid));
      } catch (error) {
        reasons[`devices/${ordinal}/health`] = error instanceof Error ? error.message : String(error);
      }
    }
    devices.push({
      ordinal,
      name,
      uuid,
      pci_bus_id,
      compute_capability: `${compute_capability.major}.${compute_capability.minor}`,
      total_bytes,
      total_mib: Math.floor(total_bytes / 2 ** 20),
      mig,
      integrated,
      ...state,
    });
  }
  const api = available ? opened.driver.api_version : opened.api_version;
  return {
    devices,
    unavailable: available ? null : opened.reason,
    driver_version: nvml.status === "ok" ? nvml.nvml.driver_version : null,
    cuda_driver_api: api === null ? null : `${Math.floor(api / 1000)}.${Math.floor((api % 1000) / 10)}`,
    driver_library: available ? opened.driver.file : opened.file,
    simulated: available ? opened.driver.simulated : library !== null,
    reasons,
  };
}

function stateOf(sample: Native.GpuSample): Pick<ReportedDevice, "free_bytes" | "health"> {
  const { ecc, remapped_rows, pcie, throttle_reasons, temperature_c, memory } = sample;
  const told = <T extends object>(facts: T): T | null =>
    Object.values(facts).some((value) => value !== null) ? facts : null;
  return {
    free_bytes: memory.free_bytes,
    health: {
      ecc: told({
        enabled: ecc.enabled,
        corrected_volatile: ecc.corrected_volatile,
        uncorrected_volatile: ecc.uncorrected_volatile,
        uncorrected_aggregate: ecc.uncorrected_aggregate,
      }),
      remapped_rows: told({ ...remapped_rows }),
      throttle_reasons,
      pcie: told({
        width: pcie.width,
        max_width: pcie.max_width,
        generation: pcie.generation,
        max_generation: pcie.max_generation,
      }),
      temperature_c,
    },
  };
}
