import type { GpuReport, UnavailableReason } from "../src/index.js";

export const unavailableReasons: readonly UnavailableReason[] = [
  "addon_not_built",
  "kernels_missing",
  "driver_missing",
  "stub_library",
  "driver_too_old",
  "no_device",
  "hidden_by_visible_devices",
  "permission",
  "init_error",
  "probe_timeout",
  "probe_crashed",
];

export function uuidOf(ordinal: number): string {
  return `GPU-8932f937-d72c-4106-c12f-20bd9faed9f${ordinal.toString(16)}`;
}

const facts = {
  driver_version: "580.65.06",
  cuda_driver_api: "13.0",
  driver_library: "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
  cuda_archs: ["sm_90", "compute_75"],
  simulated: false,
  probe: { method: "driver", probe_ms: 12, probed_utc: "2026-01-01T00:00:00.000Z" },
  reasons: {},
} as const;

/** The report of a host with so many healthy GPUs. */
export function gpuReport(count: number): GpuReport {
  const devices = Array.from({ length: count }, (_, ordinal) => ({
    ordinal,
    name: "NVIDIA H200",
    uuid: uuidOf(ordinal),
    pci_bus_id: `00000000:0${ordinal.toString(16)}:00.0`,
    compute_capability: "9.0",
    total_bytes: 150_754_820_096,
    total_mib: 143_771,
    free_bytes: 150_000_000_000,
    mig: false,
    integrated: false,
    health: {
      ecc: { enabled: true, corrected_volatile: 0, uncorrected_volatile: 0, uncorrected_aggregate: 0 },
      remapped_rows: { correctable: 0, uncorrectable: 0, pending: false, failed: false },
      throttle_reasons: ["gpu_idle"],
      pcie: { width: 16, max_width: 16, generation: 1, max_generation: 5 },
      temperature_c: 31,
    },
  }));
  return {
    ...facts,
    cuda_feature: true,
    cuda_runtime_available: true,
    visible_devices: devices.map(({ ordinal, name }) => `${ordinal}:${name}`),
    devices,
    unavailable: null,
  };
}

/** The report of a host whose GPUs, if there are any, cannot be used. */
export function cpuReport(unavailable: UnavailableReason = "driver_missing"): GpuReport {
  return {
    ...facts,
    cuda_feature: unavailable !== "addon_not_built" && unavailable !== "kernels_missing",
    cuda_runtime_available: false,
    visible_devices: [],
    devices: [],
    unavailable,
    driver_version: null,
    cuda_driver_api: null,
    driver_library: null,
  };
}
