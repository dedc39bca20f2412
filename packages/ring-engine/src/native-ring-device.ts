import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  type Context,
  type Device,
  type DeviceBuffer,
  type DeviceEvent,
  type HostBuffer,
  type Kernel,
  type KernelModule,
  type ParameterKind,
  type StatisticsResource,
  type Stream,
  chooseKernelImage,
  findDevice,
  isCudaError,
  kernelFolders,
  openDriver,
  withStatistics,
} from "@vrx/native-cuda";
import type { DeviceMemory } from "./backend.js";
import type { EngineDevice } from "./engine-device.js";
import { RingEngineError, type RingEngineErrorCode } from "./errors.js";
import type { CudaLaunch } from "./internal/cuda-launches.js";
import type { DeviceStep, RingDevice } from "./internal/ring-device.js";

/** A device for the cuda engine, or why there is none. `open` takes a context of its own, for one model. */
export type RingDeviceSearch =
  | { readonly status: "ok"; readonly facts: EngineDevice; readonly open: () => Promise<RingDevice> }
  | {
      readonly status: "unavailable";
      readonly reason: string;
      readonly message: string;
      readonly fix: string;
      readonly cause?: unknown;
    };

/** The driver hands out memory in whole pages of this size. */
const PAGE_BYTES = 2 ** 21;
const SELECTOR = /^cuda(?::(\d+))?$/;
/** One level above `src` and `dist` alike. */
const packageRoot = new URL("../", import.meta.url);

/** Finds the device of a name (`cuda`, `cuda:1`, a UUID), on the system's driver or on the one in `library`. */
export async function findRingDevice(
  selector: string | undefined,
  library: string | undefined,
): Promise<RingDeviceSearch> {
  const opened = await openDriver(library === undefined ? {} : { library });
  if (opened.status === "unavailable") return opened;
  const { devices } = opened.driver;
  const ordinal = SELECTOR.exec(selector ?? "cuda");
  try {
    const device = findDevice(devices, ordinal === null ? (selector ?? "") : Number(ordinal[1] ?? 0));
    const image = await kernelImage(device);
    if (image.status === "unavailable") return image;
    return { status: "ok", facts: factsOf(device), open: () => openRingDevice(device, image.file) };
  } catch (cause) {
    if (!isCudaError(cause)) throw cause;
    return {
      status: "unavailable",
      reason: cause.code,
      message: cause.message,
      fix: "name one of the devices that there are",
      cause,
    };
  }
}

function factsOf(device: Device): EngineDevice {
  const { major, minor } = device.compute_capability;
  const { multiprocessors, shared_bytes_per_block, shared_bytes_per_block_optin } = device.attributes;
  return {
    ordinal_name: `cuda:${device.ordinal}`,
    uuid: device.uuid,
    name: device.name,
    total_bytes: device.total_bytes,
    compute_capability: `${major}.${minor}`,
    multiprocessors: multiprocessors ?? 1,
    shared_bytes_per_block: shared_bytes_per_block_optin ?? shared_bytes_per_block ?? 49_152,
    simulated: device.simulated,
  };
}

type KernelImage =
  { readonly status: "ok"; readonly file: string } | (RingDeviceSearch & { readonly status: "unavailable" });

/** The image of the ring's kernels that the device runs: a committed one, or what was compiled for the fake driver. */
async function kernelImage(device: Device): Promise<KernelImage> {
  const packaged = kernelFolders(packageRoot, "native/cuda/images/");
  const folders = (device.simulated ? packaged.host : [packaged.device]).map((at) =>
    fileURLToPath(new URL("ring_engine/", at)),
  );
  const files: string[] = [];
  for (const folder of folders) {
    const there = await readdir(folder).catch((): string[] => []);
    const chosen = chooseKernelImage(there, device);
    if (chosen !== null) return { status: "ok", file: `${folder}${chosen}` };
    files.push(...there);
  }
  const { major, minor } = device.compute_capability;
  return {
    status: "unavailable",
    reason: "no_kernel_image",
    message: `no image of the ring's kernels in ${folders.join(", ")} fits ${device.name} (compute capability ${major}.${minor}): found ${files.join(", ") || "none"}`,
    fix: device.simulated
      ? "build the project where a C++ compiler is installed (npm run build)"
      : "use a device of compute capability 7.5 or higher, and a package with its images",
  };
}

const CODES: Readonly<Record<string, RingEngineErrorCode>> = {
  out_of_memory: "out_of_memory",
  limit_exceeded: "out_of_memory",
  disposed: "disposed",
  invalid_image: "engine_unavailable",
  device_unavailable: "engine_unavailable",
};

/** What a device's package threw, as an error of this one. */
function asRingEngineError(error: unknown, details: Readonly<Record<string, unknown>> = {}): unknown {
  if (!isCudaError(error)) return error;
  const cuda = { cuda_code: error.code, cuda_name: error.cuda_name, sticky: error.sticky };
  return new RingEngineError(CODES[error.code] ?? "engine_failure", `cuda engine: ${error.message}`, {
    details: { ...cuda, ...details },
    cause: error,
  });
}

/** Takes a context on a device and loads the kernels of `image` there, for one model. */
export async function openRingDevice(device: Device, image: string): Promise<RingDevice> {
  const held: { dispose(): void }[] = [];
  const hold = <T extends { dispose(): void }>(made: T): T => {
    held.unshift(made);
    return made;
  };
  try {
    const context = hold(await device.openContext());
    const module = hold(await context.loadModule(await readFile(image), image));
    const stream = hold(context.createStream({ independent: true }));
    const marks = [hold(context.createEvent()), hold(context.createEvent())] as const;
    return new NativeRingDevice(factsOf(device), { context, module, stream, marks });
  } catch (error) {
    for (const one of held) one.dispose();
    throw asRingEngineError(error);
  }
}

interface Opened {
  readonly context: Context;
  readonly module: KernelModule;
  readonly stream: Stream;
  readonly marks: readonly [DeviceEvent, DeviceEvent];
}

/** One model's share of a device: a context, a stream, the kernels, and memory through a resource that counts it. */
class NativeRingDevice implements RingDevice {
  readonly facts: EngineDevice;
  readonly #context: Context;
  readonly #module: KernelModule;
  readonly #memory: StatisticsResource;
  readonly #stream: Stream;
  readonly #marks: readonly [DeviceEvent, DeviceEvent];
  readonly #kernels = new Map<string, Kernel>();
  readonly #buffers: DeviceBuffer[] = [];
  readonly #staging = new Map<string, HostBuffer>();
  #reserved = 0;
  #disposed = false;

  constructor(facts: EngineDevice, { context, module, stream, marks }: Opened) {
    this.facts = facts;
    this.#context = context;
    this.#module = module;
    this.#memory = withStatistics(context.memory);
    this.#stream = stream;
    this.#marks = marks;
  }

  async allocate(bytes: number): Promise<void> {
    try {
      const label = this.#buffers.length === 0 ? "the ring engine's arena" : "a ring of one time step";
      const buffer = this.#context.alloc(bytes, { from: this.#memory, label });
      this.#buffers.push(buffer);
      this.#reserved += Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
      buffer.fill(0, { stream: this.#stream });
      await this.#stream.synchronize();
    } catch (error) {
      const { peak_allocated_bytes, peak_reserved_bytes } = this.memory();
      throw asRingEngineError(error, { requested_bytes: bytes, peak_allocated_bytes, peak_reserved_bytes });
    }
  }

  async write(at: number, bytes: Uint8Array): Promise<void> {
    await this.#guarded(() => this.#arena.copyFrom(bytes, { offset: at, stream: this.#stream }));
  }

  async read(at: number, bytes: number): Promise<Uint8Array> {
    const target = new Uint8Array(bytes);
    await this.#guarded(() => this.#arena.copyTo(target, { offset: at, stream: this.#stream }));
    return target;
  }

  run({ writes, launches, reads }: DeviceStep): Promise<{ readonly time_s: number; readonly bytes: Uint8Array }> {
    return this.#guarded(async () => {
      const [stream, arena] = [this.#stream, this.#arena];
      const [begin, end] = this.#marks;
      for (const { at, bytes } of writes) {
        const staged = this.#staged(`in ${at}`, bytes.length);
        staged.view.set(bytes);
        arena.copyFromHost(staged, { offset: at, bytes: bytes.length, stream });
      }
      begin.record(stream);
      for (const launch of launches) this.#launch(launch);
      end.record(stream);
      const staged = this.#staged("out", reads.bytes);
      arena.copyToHost(staged, { offset: reads.at, bytes: reads.bytes, stream });
      await stream.synchronize();
      return { time_s: end.elapsedSince_ms(begin) / 1000, bytes: staged.view.slice(0, reads.bytes) };
    });
  }

  memory(): DeviceMemory {
    const { current, peak } = this.#memory.counters.bytes;
    return {
      allocated_bytes: current,
      peak_allocated_bytes: peak,
      reserved_bytes: this.#disposed ? 0 : this.#reserved,
      peak_reserved_bytes: this.#reserved,
    };
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#kernels.clear();
    const held = [...this.#buffers, ...this.#staging.values(), ...this.#marks, this.#stream, this.#module];
    for (const one of [...held, this.#context]) {
      try {
        one.dispose();
      } catch (error) {
        // What a lost device held is gone with it.
        if (!isCudaError(error)) throw error;
      }
    }
  }

  get #arena(): DeviceBuffer {
    const [arena] = this.#buffers;
    if (arena === undefined) throw new RingEngineError("engine_failure", "the cuda engine has no memory yet");
    return arena;
  }

  #launch({ kernel: name, blocks, threads, shared_bytes, cooperative, args }: CudaLaunch): void {
    let kernel = this.#kernels.get(name);
    if (kernel === undefined) {
      const kinds: readonly ParameterKind[] = ["buffer", ...args.map(([kind]) => kind)];
      kernel = this.#module.kernel(name, kinds);
      if (shared_bytes > 0) kernel.allowDynamicShared(shared_bytes);
      this.#kernels.set(name, kernel);
    }
    kernel.launch(
      { grid: blocks, block: threads, shared_bytes, cooperative, stream: this.#stream },
      this.#arena,
      ...args.map(([, value]) => value),
    );
  }

  /** Page-locked memory for one purpose, made once; sizes of one purpose do not change. */
  #staged(purpose: string, bytes: number): HostBuffer {
    const kept = this.#staging.get(purpose);
    if (kept !== undefined && kept.bytes >= bytes) return kept;
    kept?.dispose();
    const made = this.#context.allocHost(bytes);
    this.#staging.set(purpose, made);
    return made;
  }

  async #guarded<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      throw asRingEngineError(error);
    }
  }
}
