import { CudaError } from "./errors.js";
import type { KernelHandle, StreamHandle } from "./internal/addon-functions.js";
import { noteUse } from "./internal/captures.js";
import { requireCount } from "./internal/checks.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import type { KernelModule } from "./kernel-module.js";
import { type KernelArguments, type ParameterKind, packArguments } from "./kernel-parameters.js";
import { addonFunctions } from "./native-addon.js";
import type { Stream } from "./stream.js";

/** A number of blocks or threads in one to three dimensions; what is not said is 1. */
export type Extent = number | readonly [number] | readonly [number, number] | readonly [number, number, number];

/** How a kernel is launched. */
export interface LaunchOptions {
  /** Blocks. */
  readonly grid: Extent;
  /** Threads of each block. */
  readonly block: Extent;
  /** Bytes of dynamic shared memory of each block; above 48 KiB the kernel must have opted in (`allowDynamicShared`). */
  readonly shared_bytes?: number;
  /** All blocks run at the same time and may meet at a barrier of the grid. */
  readonly cooperative?: boolean;
  readonly stream?: Stream;
}

/** What the compiler made of a kernel. */
export interface KernelFacts {
  readonly registers: number;
  readonly static_shared_bytes: number;
  readonly constant_bytes: number;
  /** Bytes of each thread that did not fit into registers. */
  readonly local_bytes: number;
  readonly max_threads_per_block: number;
  /** Dynamic shared memory that a launch may ask for now. */
  readonly max_dynamic_shared_bytes: number;
  /** 10 * major + minor of the virtual and the real architecture. */
  readonly ptx_version: number;
  readonly binary_version: number;
}

/** Numbers of `CUfunction_attribute` (cuda.h). */
const attributes = {
  max_threads_per_block: 0,
  static_shared_bytes: 1,
  constant_bytes: 2,
  local_bytes: 3,
  registers: 4,
  ptx_version: 5,
  binary_version: 6,
  max_dynamic_shared_bytes: 8,
} as const;

/** A kernel with the kinds of its parameters. It lives as long as its module. */
export class Kernel<Kinds extends readonly ParameterKind[] = readonly ParameterKind[]> {
  readonly module: KernelModule;
  readonly name: string;
  readonly kinds: Kinds;

  /** Made by `module.kernel()`. */
  constructor(module: KernelModule, handle: KernelHandle, name: string, kinds: Kinds) {
    keepHandle(this, handle);
    this.module = module;
    this.name = name;
    this.kinds = kinds;
  }

  /**
   * Enqueues a launch. Arguments are checked against the kinds: their number, ranges, and offsets within buffers; that the
   * kernel stays within the buffers is its own business. What goes wrong while it runs is reported by the next wait.
   */
  launch(options: LaunchOptions, ...given: KernelArguments<Kinds>): void {
    const { grid, block, shared_bytes = 0, cooperative = false, stream } = options;
    const geometry = new Uint32Array([
      ...extent(grid, `grid of ${this.name}`),
      ...extent(block, `block of ${this.name}`),
      shared_bytes,
    ]);
    requireCount(shared_bytes, "shared_bytes", { most: 2 ** 31 - 1 });
    const { values, buffers, objects } = packArguments(this.name, this.kinds, given);
    const on = stream === undefined ? null : handleOf<StreamHandle>(stream);
    addonFunctions().launch(handleOf<KernelHandle>(this), on, geometry, cooperative, values, buffers);
    noteUse(stream, this.module, ...objects);
  }

  /** Registers, memory and limits. */
  facts(): KernelFacts {
    const addon = addonFunctions();
    const handle = handleOf<KernelHandle>(this);
    const read = (name: keyof typeof attributes): number => addon.kernelAttribute(handle, attributes[name]);
    return {
      registers: read("registers"),
      static_shared_bytes: read("static_shared_bytes"),
      constant_bytes: read("constant_bytes"),
      local_bytes: read("local_bytes"),
      max_threads_per_block: read("max_threads_per_block"),
      max_dynamic_shared_bytes: read("max_dynamic_shared_bytes"),
      ptx_version: read("ptx_version"),
      binary_version: read("binary_version"),
    };
  }

  /** Lets launches ask for this much dynamic shared memory, up to the device's `shared_bytes_per_block_optin`. */
  allowDynamicShared(bytes: number): void {
    requireCount(bytes, "bytes", { most: 2 ** 31 - 1 });
    addonFunctions().setKernelAttribute(handleOf<KernelHandle>(this), attributes.max_dynamic_shared_bytes, bytes);
  }

  /** Blocks of this size that one multiprocessor runs at the same time. */
  blocksPerMultiprocessor(block: Extent, shared_bytes = 0): number {
    const [x, y, z] = extent(block, `block of ${this.name}`);
    requireCount(shared_bytes, "shared_bytes", { most: 2 ** 31 - 1 });
    return addonFunctions().kernelOccupancy(handleOf<KernelHandle>(this), x * y * z, shared_bytes);
  }

  /** The largest grid that a cooperative launch can have. */
  maxCooperativeBlocks(block: Extent, shared_bytes = 0): number {
    const { multiprocessors } = this.module.context.device.attributes;
    return this.blocksPerMultiprocessor(block, shared_bytes) * (multiprocessors ?? 1);
  }
}

function extent(value: Extent, name: string): [number, number, number] {
  const [x = 1, y = 1, z = 1] = typeof value === "number" ? [value] : value;
  for (const [axis, size] of [x, y, z].entries()) {
    if (Number.isInteger(size) && size >= 1 && size <= 0x7fff_ffff) continue;
    throw new CudaError(
      "invalid_argument",
      `${name}, ${"xyz"[axis] ?? ""}: expected a positive integer, found ${size}`,
    );
  }
  return [x, y, z];
}
