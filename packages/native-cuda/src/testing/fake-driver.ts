import { constants, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type AttributeName, attributeNumbers } from "../device-attributes.js";
import { type Driver, type DriverOptions, controlFakeDriver, openDriver } from "../driver.js";
import { unavailableError } from "../driver-unavailable.js";
import { CudaError } from "../errors.js";
import { type Nvml, openNvml } from "../nvml.js";
import type { FakeFigureName } from "./fake-figures.js";

/** A figure of NVML: its value, null for one that this device does not have, or NVML's result for asking. */
export type FakeFigure = number | null | { readonly error: number };

/** A simulated device. What is not said is that of an H100 with 2 GiB of memory and 4 multiprocessors. */
export interface FakeDeviceOptions {
  readonly name?: string;
  /** `GPU-` and 32 hexadecimal digits in five groups. */
  readonly uuid?: string;
  /** Such as `0000:01:00.0`. */
  readonly pci_bus_id?: string;
  readonly memory_bytes?: number;
  /** Memory that other processes hold. */
  readonly foreign_bytes?: number;
  readonly compute_capability?: readonly [number, number];
  /** Attributes by this package's names, or by CUDA's numbers. */
  readonly attributes?: Readonly<Partial<Record<AttributeName, number>> & Record<number, number>>;
  /** What the driver says of every pointer, by the numbers of `CUpointer_attribute` (2: memory type, 8: managed). */
  readonly pointer_attributes?: Readonly<Record<number, number>>;
  readonly figures?: Readonly<Partial<Record<FakeFigureName, FakeFigure>>>;
  /** Partitions the device: CUDA then shows the first instance, NVML the device and all of them. */
  readonly mig?: readonly { readonly uuid: string; readonly memory_bytes: number }[];
  /** Other processes that compute on it; `used_bytes` null where the system does not tell. */
  readonly processes?: readonly { readonly pid: number; readonly used_bytes: number | null }[];
  /** Whether this process is in NVML's list; false in a container with a PID namespace of its own. */
  readonly own_process_seen?: boolean;
  /** NVML sees it, CUDA does not. */
  readonly hidden?: boolean;
  /** It has fallen off the bus; a number is the CUDA result that every call then gives (by default 999). */
  readonly lost?: boolean | number;
  /** A CUDA result that the next call in a context of the device meets, and every one after it. */
  readonly sticky_result?: number;
  /** False for a driver that grants no read-only mappings. */
  readonly read_only_maps?: boolean;
  /** Slows copies down to this rate; 0 for as fast as they go. */
  readonly copy_bytes_per_s?: number;
}

/** Calls that fail: from the `at`-th call of `call` on, `times` calls give `result`. */
export interface FakeFailure {
  /** A function of the driver or of NVML, with or without its version: `cuMemAlloc`, `cuMemcpyHtoDAsync_v2`. */
  readonly call: string;
  /** 1 is the next call. */
  readonly at?: number;
  /** How many fail; 1. `Infinity` for all from then on. */
  readonly times?: number;
  /** A CUresult (2: out of memory) or an NVML result. */
  readonly result: number;
}

/** What NVML says of confidential computing, in its numbers. */
export interface FakeConfCompute {
  /** 0 unavailable, 1 simulation, 2 production. */
  readonly environment: number;
  readonly feature: 0 | 1;
  readonly dev_tools: 0 | 1;
}

/** What `fakeDriver` takes. */
export interface FakeDriverOptions {
  /** A device each; a number for so many like the first. By default one. */
  readonly devices?: number | readonly FakeDeviceOptions[];
  /** Version of the driver's API, 13000 by default, and of its release. */
  readonly api_version?: number;
  readonly release?: string;
  /** What `cuInit` and `nvmlInit` give. */
  readonly init_result?: number;
  readonly nvml_init_result?: number;
  /** Be the stub that links programs where no driver is: every call gives CUDA_ERROR_STUB_LIBRARY. */
  readonly stub?: boolean;
  readonly conf_compute?: FakeConfCompute;
  readonly failures?: readonly FakeFailure[];
  /** In which order a block's threads take turns; correct kernels do not depend on it. A number seeds a shuffle. */
  readonly schedule?: "ascending" | "descending" | number;
  /** How long every operation waits before it runs, so that whoever forgets to wait for it is found. */
  readonly delay_us?: number;
  /** While it is true no operation begins: what was enqueued is not done, for certain. Whoever waits then waits. */
  readonly held?: boolean;
}

/** When and in which order things run. */
export type FakeScheduling = Pick<FakeDriverOptions, "schedule" | "delay_us" | "held">;

/** What a fake driver holds and has done. */
export interface FakeStatistics {
  readonly device_allocations: number;
  readonly device_bytes: number;
  readonly host_allocations: number;
  readonly mapped_ranges: number;
  readonly imported: number;
  readonly reservations: number;
  readonly handles: number;
  readonly contexts: number;
  readonly streams: number;
  readonly events: number;
  readonly modules: number;
  readonly graphs: number;
  readonly launches: number;
  /** The last fault of a kernel, with the thread that caused it. */
  readonly last_fault: string | null;
  /** Calls by the names of the driver's functions. */
  readonly calls: Readonly<Record<string, number>>;
}

/** The library, or why there is none. */
export type FakeDriverLibrary =
  | { readonly status: "ok"; readonly file: string }
  | { readonly status: "unavailable"; readonly message: string; readonly fix: string };

/** A driver without a GPU: a library of its own, with devices, memory and faults of its own. */
export interface FakeDriver {
  /** The library's file, for `openDriver({ library })`, `openNvml({ library })` and `--fake-driver`, in any process. */
  readonly library: string;
  /** Opens it; throws a `CudaError` where it is to be unavailable. */
  open(options?: Omit<DriverOptions, "library">): Promise<Driver>;
  /** Opens its NVML; throws where it is to be unavailable. */
  openNvml(): Promise<Nvml>;
  /** Changes a device of the opened driver. */
  configure(device: number, options: FakeDeviceOptions): void;
  /** Lets calls of the opened driver fail. */
  fail(...failures: readonly FakeFailure[]): void;
  /**
   * Flips a bit in device memory of the opened driver. `allocation` counts the live ones in the order of their making,
   * from the end where it is negative.
   */
  flipBit(where: { readonly allocation: number; readonly offset: number; readonly bit?: number }): void;
  /** Changes the order of threads, how long operations wait, or whether any begins. */
  reschedule(options: FakeScheduling): void;
  statistics(): FakeStatistics;
  /** Removes the file; what was opened goes on. */
  dispose(): void;
}

const libraryName = "libvrx_fake_cuda.so";
/** Two levels above this file in `src`, one above `dist`. */
const places = ["../../", "../"].flatMap((up) =>
  [`build/${libraryName}`, `prebuilds/${process.platform}-${process.arch}/${libraryName}`].map((at) =>
    fileURLToPath(new URL(up + at, import.meta.url)),
  ),
);

/** The fake driver as it was built or shipped. Everybody who opens this file shares one driver. */
export function fakeDriverLibrary(): FakeDriverLibrary {
  const file = places.find((place) => existsSync(place));
  if (file !== undefined) return { status: "ok", file };
  return {
    status: "unavailable",
    message: `there is no fake driver for ${process.platform}-${process.arch}`,
    fix: "build @vrx/native-cuda with a C++ compiler (c++) installed: npm run build",
  };
}

/**
 * A fake driver of one's own. It executes kernels that were compiled for the host, over memory of the host; whatever is
 * opened from it says `simulated: true`. Throws `not_supported` where the library was not built.
 */
export function fakeDriver(options: FakeDriverOptions = {}): FakeDriver {
  const built = fakeDriverLibrary();
  if (built.status === "unavailable") throw new CudaError("not_supported", `${built.message}; ${built.fix}`);
  const folder = mkdtempSync(join(tmpdir(), "vrx-fake-cuda-"));
  const library = join(folder, libraryName);
  // A copy is another library to the dynamic linker, so nothing is shared with other fake drivers of this process.
  copyFileSync(built.file, library, constants.COPYFILE_FICLONE);
  writeFileSync(`${library}.setup`, setupLines(options).join("\n"));
  let opened: Driver | undefined;
  const control = (lines: readonly string[]): string => {
    if (opened === undefined) throw new CudaError("invalid_argument", "open() the fake driver before changing it");
    return controlFakeDriver(opened, lines.join("\n"));
  };
  return {
    library,
    async open(how = {}) {
      const attempt = await openDriver({ ...how, library });
      if (attempt.status === "unavailable") throw unavailableError(attempt);
      opened = attempt.driver;
      return opened;
    },
    async openNvml() {
      const attempt = await openNvml({ library });
      if (attempt.status === "unavailable") throw new CudaError("device_unavailable", attempt.message);
      return attempt.nvml;
    },
    configure: (device, changes) => void control(deviceLines(device, changes)),
    fail: (...failures) => void control(failures.map(failureLine)),
    flipBit: ({ allocation, offset, bit = 0 }) => void control([`flip ${allocation} ${offset} ${bit}`]),
    reschedule: (changes) => void control(scheduleLines(changes)),
    statistics: () => JSON.parse(control(["statistics"])) as FakeStatistics,
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function setupLines(options: FakeDriverOptions): string[] {
  const { devices = 1, api_version, release, init_result, nvml_init_result, stub, conf_compute, failures } = options;
  const given = typeof devices === "number" ? [] : devices;
  return [
    `devices ${typeof devices === "number" ? devices : devices.length}`,
    ...given.flatMap((device, index) => deviceLines(index, device)),
    ...line("driver version", api_version),
    ...line("driver version_text", release),
    ...line("driver init_error", init_result),
    ...line("driver nvml_init_error", nvml_init_result),
    ...line("driver stub", stub),
    ...(conf_compute === undefined
      ? []
      : Object.entries(conf_compute).map(([name, value]) => `system cc_${name} ${Number(value)}`)),
    ...(failures ?? []).map(failureLine),
    ...scheduleLines(options),
  ];
}

function scheduleLines({ schedule, delay_us, held }: FakeScheduling): string[] {
  return [
    ...line("schedule", typeof schedule === "number" ? `shuffled ${schedule}` : schedule),
    ...line("delay_us", delay_us),
    ...line("held", held),
  ];
}

function deviceLines(index: number, device: FakeDeviceOptions): string[] {
  const at = `device ${index}`;
  const { lost } = device;
  return [
    ...line(`${at} name`, device.name),
    ...line(`${at} uuid`, device.uuid),
    ...line(`${at} pci`, device.pci_bus_id),
    ...line(`${at} memory_bytes`, device.memory_bytes),
    ...line(`${at} foreign_bytes`, device.foreign_bytes),
    ...line(`${at} capability`, device.compute_capability?.join(" ")),
    ...Object.entries(device.attributes ?? {}).map(
      ([name, value]) =>
        `${at} attribute ${Object.hasOwn(attributeNumbers, name) ? attributeNumbers[name as AttributeName] : name} ${value}`,
    ),
    ...Object.entries(device.pointer_attributes ?? {}).map(([which, value]) => `${at} pointer ${which} ${value}`),
    ...Object.entries(device.figures ?? {}).map(([name, figure]) => `${at} figure ${name} ${figureText(figure)}`),
    ...(device.mig ?? []).map(({ uuid, memory_bytes }) => `${at} mig ${uuid} ${memory_bytes}`),
    ...(device.processes ?? []).map(
      ({ pid, used_bytes }) => `${at} process ${pid} ${used_bytes ?? 0xffff_ffff_ffff_ffffn}`,
    ),
    ...line(`${at} own_process_seen`, device.own_process_seen),
    ...line(`${at} hidden`, device.hidden),
    ...line(`${at} lost`, typeof lost === "boolean" ? (lost ? 999 : 0) : lost),
    ...line(`${at} sticky`, device.sticky_result),
    ...line(`${at} read_only_maps`, device.read_only_maps),
    ...line(`${at} copy_bytes_per_s`, device.copy_bytes_per_s),
  ];
}

function figureText(figure: FakeFigure): string {
  if (figure === null) return "none";
  return typeof figure === "number" ? String(figure) : `error ${figure.error}`;
}

function failureLine({ call, at = 1, times = 1, result }: FakeFailure): string {
  // 0 means that it never stops.
  return `fail ${call} ${at} ${result} ${Number.isFinite(times) ? times : 0}`;
}

function line(words: string, value: string | number | boolean | undefined): string[] {
  if (value === undefined) return [];
  return [`${words} ${typeof value === "boolean" ? Number(value) : value}`];
}
