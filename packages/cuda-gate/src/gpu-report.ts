import type { VersionJsonCudaFields } from "./version-report.js";

/** Why there is no GPU to use; a diagnosis says what to do about each. */
export type UnavailableReason =
  /** The addon was not built, so that no driver can be asked. */
  | "addon_not_built"
  /** The addon is there and the kernels it would run are not. */
  | "kernels_missing"
  | "driver_missing"
  /** What was found is the toolkit's library to link against, which has no driver behind it. */
  | "stub_library"
  | "driver_too_old"
  | "no_device"
  | "hidden_by_visible_devices"
  | "permission"
  | "init_error"
  /** The driver did not answer in time. */
  | "probe_timeout"
  /** The process that asked the driver was lost. */
  | "probe_crashed";

/** Errors that the memory of a GPU has had; null where the driver does not say. */
export interface EccHealth {
  /** Whether errors are corrected and counted at all. */
  readonly enabled: boolean | null;
  /** Errors since the driver was loaded. */
  readonly corrected_volatile: number | null;
  readonly uncorrected_volatile: number | null;
  /** Errors in the life of the card. */
  readonly uncorrected_aggregate: number | null;
}

/** Rows of memory that were replaced by spare ones; null where the driver does not say. */
export interface RemappedRows {
  readonly correctable: number | null;
  readonly uncorrectable: number | null;
  /** A row waits for a reset of the GPU to be replaced. */
  readonly pending: boolean | null;
  /** A row could not be replaced. */
  readonly failed: boolean | null;
}

/** How wide and how fast the link to the host is, and could be. */
export interface PcieLink {
  readonly width: number | null;
  readonly max_width: number | null;
  readonly generation: number | null;
  readonly max_generation: number | null;
}

/** What a GPU says of its own state. Null is what it does not say. */
export interface DeviceHealth {
  readonly ecc: EccHealth | null;
  readonly remapped_rows: RemappedRows | null;
  /** Why clocks are held down at this moment, in NVML's words (`sw_power_cap`, `hw_thermal_slowdown`, ...). */
  readonly throttle_reasons: readonly string[] | null;
  readonly pcie: PcieLink | null;
  readonly temperature_c: number | null;
}

/** A GPU, or a slice of one, as the process sees it. */
export interface ReportedDevice {
  /** Its place among the visible devices, counted by the CUDA driver. */
  readonly ordinal: number;
  readonly name: string;
  /** `GPU-...` or `MIG-...`; null where the driver does not say. */
  readonly uuid: string | null;
  /** `domain:bus:device.function`; null where the driver does not say. */
  readonly pci_bus_id: string | null;
  /** `major.minor` */
  readonly compute_capability: string | null;
  readonly total_bytes: number | null;
  /** `total_bytes` in MiB, rounded down. */
  readonly total_mib: number | null;
  readonly free_bytes: number | null;
  /** Whether it is a slice of a GPU. */
  readonly mig: boolean | null;
  /** Whether its memory is the host's. */
  readonly integrated: boolean | null;
  /** Null where nothing could be asked; why is in the report's `reasons`. */
  readonly health: DeviceHealth | null;
}

/** How the facts of a report were had. */
export interface ReportProbe {
  /** `driver`: by the CUDA driver. `nvidia_smi`: by its text alone, where there is no addon. `none`: nothing could be asked. */
  readonly method: "driver" | "nvidia_smi" | "none";
  readonly probe_ms: number;
  /** RFC 3339, UTC. */
  readonly probed_utc: string;
}

/**
 * What is known of the GPUs of a host: the facts that resolution, diagnosis and the gates work on. `vrx --version
 * --json` and `vrx doctor --json` print it. What nobody could say is null, and `reasons` says why.
 */
export interface GpuReport extends VersionJsonCudaFields {
  readonly devices: readonly ReportedDevice[];
  /** Why the runtime is not available; null where it is. */
  readonly unavailable: UnavailableReason | null;
  /** The version of the NVIDIA driver, as `580.65.06`. */
  readonly driver_version: string | null;
  /** The newest CUDA that the driver speaks, as `13.0`. */
  readonly cuda_driver_api: string | null;
  /** The library that was loaded. */
  readonly driver_library: string | null;
  /** Architectures that kernels are packaged for: `sm_90`, and `compute_75` for what the driver compiles itself. */
  readonly cuda_archs: readonly string[];
  /** Whether all of this is a stand-in for hardware. Nothing simulated passes a gate. */
  readonly simulated: boolean;
  readonly probe: ReportProbe;
  /** For what is null or not available: why, by the name of the key. */
  readonly reasons: Readonly<Record<string, string>>;
}
