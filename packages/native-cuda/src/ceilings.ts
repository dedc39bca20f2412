import type { Context } from "./context.js";
import type { DeviceEvent } from "./device-event.js";
import type { Device } from "./device.js";
import type { BufferHandle } from "./internal/addon-functions.js";
import { handleOf } from "./internal/handles.js";
import type { Kernel } from "./kernel.js";
import { addonFunctions } from "./native-addon.js";
import { kernelFolders, loadPackagedKernels } from "./packaged-kernels.js";
import { nvmlOfDevice } from "./sample-gpu.js";
import type { Stream } from "./stream.js";

/** What is measured, and in which unit. Copies count the bytes that were copied, once. */
export const ceilingUnits = {
  /** From one place in the device's memory to another; what the memory moves is twice that. */
  device_copy: "B/s",
  host_to_device: "B/s",
  device_to_host: "B/s",
  /** 32-bit integer operations of one kind: additions of three, logic of three, rotations, multiply-adds. */
  integer_add: "op/s",
  integer_logic: "op/s",
  integer_shift: "op/s",
  integer_multiply_add: "op/s",
  /** SHA-256 of values in registers: the most that a tree hash could do. */
  sha256: "B/s",
  /** Fused multiply-adds of float, two operations each. */
  fp32: "FLOP/s",
  /** A product of float matrices by NVIDIA's library, in plain fp32 and with its tensor cores (TF32). */
  matrix_fp32: "FLOP/s",
  matrix_tf32: "FLOP/s",
} as const;

/** One of the things measured. */
export type CeilingName = keyof typeof ceilingUnits;

/** The best that was reached, or null and why nobody measured it. */
export type Ceiling = { readonly value: number; readonly why: null } | { readonly value: null; readonly why: string };

/** What a card can do, as this package measured it. */
export interface Ceilings {
  readonly gpu_uuid: string;
  readonly gpu_name: string;
  /** The driver's release (`580.65.06`), or its API's version where NVML is not there. */
  readonly driver: string;
  /** True on a fake driver: these are figures of nothing. */
  readonly simulated: boolean;
  readonly measured_utc: string;
  readonly figures: Readonly<Record<CeilingName, Ceiling>>;
}

/** What `measureCeilings` takes. */
export interface CeilingOptions {
  readonly signal?: AbortSignal;
  /** Called before each measurement. */
  readonly onProgress?: (name: CeilingName) => void;
  /** File of cuBLAS, for the products of matrices; by default the system's, under its usual names. */
  readonly matrix_library?: string;
}

/** Operations of a thread in one iteration of `ceilings.cu`: 8 chains of 16. */
const OPERATIONS = 128;
const SHA256_BLOCK_BYTES = 64;
/** A run takes at least so long, the best of so many counts. */
const RUN_MS = 20;
const RUNS = 5;
const COPY_BYTES = 256 * 2 ** 20;
const HOST_COPY_BYTES = 64 * 2 ** 20;
/** On a fake driver only that it works can be seen, and for that little is enough. */
const SIMULATED_COPY_BYTES = 2 ** 20;

const integerKernels = {
  integer_add: "vrx_ceiling_add",
  integer_logic: "vrx_ceiling_logic",
  integer_shift: "vrx_ceiling_shift",
  integer_multiply_add: "vrx_ceiling_multiply",
} as const;

const kinds = ["u32", "buffer"] as const;

/**
 * Measures what the device can do, in about a second: every figure is the best of some runs, timed on the device. Anything
 * else that runs on it makes the figures smaller. Needs 768 MiB of the device's memory.
 */
export async function measureCeilings(device: Device, options: CeilingOptions = {}): Promise<Ceilings> {
  const context = await device.openContext();
  try {
    const bench = new Bench(context, options);
    try {
      return {
        gpu_uuid: device.uuid,
        gpu_name: device.name,
        driver: await driverOf(device),
        simulated: device.simulated,
        measured_utc: new Date().toISOString(),
        figures: await measureAll(context, bench, options),
      };
    } finally {
      bench.dispose();
    }
  } finally {
    context.dispose();
  }
}

/** The driver's release, by which ceilings are kept; its API's version where NVML does not tell. */
export async function driverOf(device: Device): Promise<string> {
  try {
    return (await nvmlOfDevice(device)).driver_version;
  } catch {
    return `cuda-${device.driver.api_version}`;
  }
}

async function measureAll(
  context: Context,
  bench: Bench,
  options: CeilingOptions,
): Promise<Record<CeilingName, Ceiling>> {
  const copies = await measureCopies(context, bench);
  const rates = await measureRates(context, bench);
  return { ...copies, ...rates, ...(await measureMatrices(context, options)) };
}

async function measureCopies(
  context: Context,
  bench: Bench,
): Promise<Pick<Record<CeilingName, Ceiling>, "device_copy" | "host_to_device" | "device_to_host">> {
  const { simulated } = context.device;
  const quarter = Math.floor(context.memoryInfo().free_bytes / 4 / 4096) * 4096;
  const bytes = Math.min(quarter, simulated ? SIMULATED_COPY_BYTES : COPY_BYTES);
  const host_bytes = Math.min(bytes, HOST_COPY_BYTES);
  const from = context.alloc(bytes, { label: "ceilings" });
  const to = context.alloc(bytes, { label: "ceilings" });
  const host = context.allocHost(host_bytes);
  try {
    from.fill(0x5a, { stream: bench.stream });
    const { stream } = bench;
    return {
      device_copy: await bench.rate("device_copy", bytes, (times) => {
        for (let i = 0; i < times; i += 1) to.copyFromBuffer(from, { stream });
      }),
      host_to_device: await bench.rate("host_to_device", host_bytes, (times) => {
        for (let i = 0; i < times; i += 1) to.copyFromHost(host, { bytes: host_bytes, stream });
      }),
      device_to_host: await bench.rate("device_to_host", host_bytes, (times) => {
        for (let i = 0; i < times; i += 1) from.copyToHost(host, { bytes: host_bytes, stream });
      }),
    };
  } finally {
    for (const buffer of [from, to, host]) buffer.dispose();
  }
}

async function measureRates(
  context: Context,
  bench: Bench,
): Promise<Pick<Record<CeilingName, Ceiling>, keyof typeof integerKernels | "sha256" | "fp32">> {
  const module = await loadPackagedKernels(context, kernelFolders(new URL("../", import.meta.url)), "ceilings");
  try {
    const run = async (
      name: CeilingName,
      kernel: Kernel<typeof kinds>,
      threads: number,
      work: number,
    ): Promise<Ceiling> => {
      const { multiprocessors } = context.device.attributes;
      const grid = context.device.simulated ? 1 : (multiprocessors ?? 1) * kernel.blocksPerMultiprocessor(threads);
      return await bench.rate(name, grid * threads * work, (times) => {
        kernel.launch({ grid, block: threads, stream: bench.stream }, times, null);
      });
    };
    const integer = async (name: keyof typeof integerKernels): Promise<Ceiling> =>
      await run(name, module.kernel(integerKernels[name], kinds), 256, OPERATIONS);
    return {
      integer_add: await integer("integer_add"),
      integer_logic: await integer("integer_logic"),
      integer_shift: await integer("integer_shift"),
      integer_multiply_add: await integer("integer_multiply_add"),
      sha256: await run("sha256", module.kernel("vrx_ceiling_sha256", kinds), 128, SHA256_BLOCK_BYTES),
      fp32: await run("fp32", module.kernel("vrx_ceiling_fma", kinds), 256, 2 * OPERATIONS),
    };
  } finally {
    module.dispose();
  }
}

/** Rows of the matrices: large enough to keep a card busy for some milliseconds. */
const MATRIX_ROWS = 8192;
const SIMULATED_MATRIX_ROWS = 32;

async function measureMatrices(
  context: Context,
  { signal, onProgress, matrix_library }: CeilingOptions,
): Promise<Pick<Record<CeilingName, Ceiling>, "matrix_fp32" | "matrix_tf32">> {
  const { simulated } = context.device;
  const n = simulated ? SIMULATED_MATRIX_ROWS : MATRIX_ROWS;
  const buffer = context.alloc(12 * n * n, { label: "ceilings" });
  try {
    // Small numbers, but no zeros: those cost a card less power, and it runs faster.
    buffer.fill(0x3c, { bytes: 12 * n * n });
    await context.synchronize();
    const measure = async (name: CeilingName, tensor_cores: boolean): Promise<Ceiling> => {
      signal?.throwIfAborted();
      onProgress?.(name);
      const handle = handleOf<BufferHandle>(buffer);
      const times = simulated ? 1 : 10;
      const outcome = await addonFunctions().matrixProduct(handle, n, tensor_cores, times, matrix_library ?? null);
      if (outcome.status === "unavailable") return { value: null, why: `no product by cuBLAS: ${outcome.why}` };
      return { value: (2 * n ** 3) / outcome.time_s, why: null };
    };
    return { matrix_fp32: await measure("matrix_fp32", false), matrix_tf32: await measure("matrix_tf32", true) };
  } finally {
    buffer.dispose();
  }
}

/** Times work on a stream of its own, by events. */
class Bench {
  readonly stream: Stream;
  readonly #begin: DeviceEvent;
  readonly #end: DeviceEvent;
  readonly #simulated: boolean;
  readonly #options: CeilingOptions;

  constructor(context: Context, options: CeilingOptions) {
    this.stream = context.createStream({ independent: true });
    this.#begin = context.createEvent();
    this.#end = context.createEvent();
    this.#simulated = context.device.simulated;
    this.#options = options;
  }

  /** The most of `work` a second that `enqueue(times)` reaches, which does `times * work`. */
  async rate(name: CeilingName, work: number, enqueue: (times: number) => void): Promise<Ceiling> {
    this.#options.onProgress?.(name);
    let times = 1;
    let best = 0;
    for (let run = 0; run < (this.#simulated ? 1 : RUNS);) {
      this.#options.signal?.throwIfAborted();
      const elapsed_ms = await this.#time(() => enqueue(times));
      if (!this.#simulated && elapsed_ms < RUN_MS && times < 2 ** 24) {
        times = Math.min(
          2 ** 24,
          Math.ceil(times * Math.max(2, Math.min(100, (1.2 * RUN_MS) / Math.max(elapsed_ms, 1e-3)))),
        );
        continue;
      }
      best = Math.max(best, (1000 * times * work) / elapsed_ms);
      run += 1;
    }
    if (Number.isFinite(best) && best > 0) return { value: best, why: null };
    return { value: null, why: "the device's clock showed no time for it" };
  }

  async #time(enqueue: () => void): Promise<number> {
    this.#begin.record(this.stream);
    enqueue();
    this.#end.record(this.stream);
    await this.stream.synchronize();
    return this.#end.elapsedSince_ms(this.#begin);
  }

  dispose(): void {
    for (const object of [this.#begin, this.#end, this.stream]) object.dispose();
  }
}
