import { setTimeout as sleep } from "node:timers/promises";
import type { Device } from "./device.js";
import { CudaError } from "./errors.js";
import { requireCount } from "./internal/checks.js";
import { type GpuProcess, type Nvml, type Unavailable, openNvml } from "./nvml.js";
import { type ThrottleReason, throttleReasons } from "./throttle-reasons.js";

/**
 * What a device does at one moment. A figure that is not to be had is null; `unavailable` says why. For a MIG instance,
 * memory and processes are its own, and clocks, temperature, power, energy, ECC and PCIe those of the board it is on.
 */
export interface GpuSample {
  readonly uuid: string;
  /** The physical device; the same as `uuid` for what is no MIG instance. */
  readonly board_uuid: string;
  /** Milliseconds since 1970, when the reading began. */
  readonly time_ms: number;
  readonly sm_clock_mhz: number | null;
  readonly memory_clock_mhz: number | null;
  readonly max_sm_clock_mhz: number | null;
  readonly max_memory_clock_mhz: number | null;
  readonly temperature_c: number | null;
  readonly power_w: number | null;
  readonly power_limit_w: number | null;
  /** Since the driver was loaded. */
  readonly energy_j: number | null;
  readonly throttle_reasons: readonly ThrottleReason[] | null;
  readonly gpu_utilization_pct: number | null;
  readonly memory_utilization_pct: number | null;
  readonly memory: {
    readonly total_bytes: number | null;
    readonly used_bytes: number | null;
    readonly free_bytes: number | null;
    /** Kept by driver and firmware; null before driver 510. */
    readonly reserved_bytes: number | null;
  };
  readonly ecc: {
    readonly enabled: boolean | null;
    /** What it will be after a restart. */
    readonly pending: boolean | null;
    readonly corrected_volatile: number | null;
    readonly uncorrected_volatile: number | null;
    readonly corrected_aggregate: number | null;
    readonly uncorrected_aggregate: number | null;
  };
  readonly remapped_rows: {
    readonly correctable: number | null;
    readonly uncorrectable: number | null;
    /** A row will be remapped at the next reset. */
    readonly pending: boolean | null;
    readonly failed: boolean | null;
  };
  readonly pcie: {
    readonly generation: number | null;
    readonly width: number | null;
    readonly max_generation: number | null;
    readonly max_width: number | null;
  };
  /** Is the board partitioned? Null for boards that cannot be. */
  readonly mig_mode: boolean | null;
  /** Null where the system does not tell. */
  readonly compute_processes: readonly GpuProcess[] | null;
  readonly unavailable: readonly Unavailable[];
}

const boardFigures = [
  "sm_clock_mhz",
  "memory_clock_mhz",
  "max_sm_clock_mhz",
  "max_memory_clock_mhz",
  "temperature_c",
  "power_mw",
  "power_limit_mw",
  "energy_mj",
  "throttle_reasons",
  "gpu_utilization_pct",
  "memory_utilization_pct",
  "ecc_current",
  "ecc_pending",
  "ecc_corrected_volatile",
  "ecc_uncorrected_volatile",
  "ecc_corrected_aggregate",
  "ecc_uncorrected_aggregate",
  "remapped_correctable",
  "remapped_uncorrectable",
  "remapped_pending",
  "remapped_failed",
  "pcie_generation",
  "pcie_width",
  "pcie_max_generation",
  "pcie_max_width",
  "mig_mode",
] as const;
const ownFigures = ["memory_total_bytes", "memory_used_bytes", "memory_free_bytes", "memory_reserved_bytes"] as const;

type FigureName = (typeof boardFigures)[number] | (typeof ownFigures)[number];

/** Reads everything that NVML tells of one device, off the event loop. Throws `not_found` for a device it does not know. */
export async function readGpu(nvml: Nvml, uuid: string): Promise<GpuSample> {
  const time_ms = Date.now();
  const board_uuid = nvml.boardUuid(uuid);
  const [board, own, compute_processes] = await Promise.all([
    nvml.read(board_uuid, boardFigures),
    nvml.read(uuid, ownFigures),
    nvml.computeProcesses(uuid),
  ]);
  const figure = (name: FigureName): number | null => board.values.get(name) ?? own.values.get(name) ?? null;
  const scaled = (name: FigureName, by: number): number | null => {
    const value = figure(name);
    return value === null ? null : value / by;
  };
  const flag = (name: FigureName): boolean | null => {
    const value = figure(name);
    return value === null ? null : value !== 0;
  };
  const mask = figure("throttle_reasons");
  return {
    uuid,
    board_uuid,
    time_ms,
    sm_clock_mhz: figure("sm_clock_mhz"),
    memory_clock_mhz: figure("memory_clock_mhz"),
    max_sm_clock_mhz: figure("max_sm_clock_mhz"),
    max_memory_clock_mhz: figure("max_memory_clock_mhz"),
    temperature_c: figure("temperature_c"),
    power_w: scaled("power_mw", 1000),
    power_limit_w: scaled("power_limit_mw", 1000),
    energy_j: scaled("energy_mj", 1000),
    throttle_reasons: mask === null ? null : throttleReasons(mask),
    gpu_utilization_pct: figure("gpu_utilization_pct"),
    memory_utilization_pct: figure("memory_utilization_pct"),
    memory: {
      total_bytes: figure("memory_total_bytes"),
      used_bytes: figure("memory_used_bytes"),
      free_bytes: figure("memory_free_bytes"),
      reserved_bytes: figure("memory_reserved_bytes"),
    },
    ecc: {
      enabled: flag("ecc_current"),
      pending: flag("ecc_pending"),
      corrected_volatile: figure("ecc_corrected_volatile"),
      uncorrected_volatile: figure("ecc_uncorrected_volatile"),
      corrected_aggregate: figure("ecc_corrected_aggregate"),
      uncorrected_aggregate: figure("ecc_uncorrected_aggregate"),
    },
    remapped_rows: {
      correctable: figure("remapped_correctable"),
      uncorrectable: figure("remapped_uncorrectable"),
      pending: flag("remapped_pending"),
      failed: flag("remapped_failed"),
    },
    pcie: {
      generation: figure("pcie_generation"),
      width: figure("pcie_width"),
      max_generation: figure("pcie_max_generation"),
      max_width: figure("pcie_max_width"),
    },
    mig_mode: flag("mig_mode"),
    compute_processes,
    unavailable: [...board.unavailable, ...own.unavailable],
  };
}

/** What `sampleGpu` takes. */
export interface SampleOptions {
  /** Time from the start of one reading to the next, 100 ms by default. Readings are never made up for. */
  readonly interval_ms?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  /** NVML, where it is open already. */
  readonly nvml?: Nvml;
}

/**
 * Readings of a device at a steady interval until the signal or the consumer ends it. The device is found by its UUID. For
 * a device of a fake driver NVML comes from the same file. Throws `not_supported` where there is no NVML.
 */
export async function* sampleGpu(
  device: Pick<Device, "uuid" | "driver">,
  { interval_ms = 100, signal, nvml }: SampleOptions = {},
): AsyncGenerator<GpuSample, void, undefined> {
  requireCount(interval_ms, "interval_ms", { least: 1, most: 2 ** 31 - 1 });
  const source = nvml ?? (await nvmlOfDevice(device));
  const ended = (): boolean => signal?.aborted === true;
  for (let next = performance.now(); !ended();) {
    yield await readGpu(source, device.uuid);
    next = Math.max(next + interval_ms, performance.now());
    try {
      await sleep(next - performance.now(), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (ended()) return;
      throw error;
    }
  }
}

/** NVML for a device: of the fake driver's file where it is simulated. Throws `not_supported` where there is none. */
export async function nvmlOfDevice(device: Pick<Device, "driver">): Promise<Nvml> {
  const opened = await openNvml(device.driver.simulated ? { library: device.driver.file } : {});
  if (opened.status === "ok") return opened.nvml;
  throw new CudaError("not_supported", `${opened.message}; ${opened.fix}`, { details: { reason: opened.reason } });
}
