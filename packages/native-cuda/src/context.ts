import { DeviceBuffer } from "./device-buffer.js";
import { DeviceEvent } from "./device-event.js";
import type { Device } from "./device.js";
import { CudaError } from "./errors.js";
import { HostBuffer } from "./host-buffer.js";
import type { ContextHandle, DriverHandle } from "./internal/addon-functions.js";
import { requireCount } from "./internal/checks.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import { dropStaging } from "./internal/staging.js";
import { Lifetime } from "./internal/lifetime.js";
import { KernelModule } from "./kernel-module.js";
import type { MemoryResource } from "./memory/memory-resource.js";
import { deviceMemory } from "./memory/device-memory.js";
import { addonFunctions } from "./native-addon.js";
import { Stream } from "./stream.js";

/** What `context.alloc` takes. */
export interface AllocOptions {
  /** Where the bytes come from; by default the context's `memory`. */
  readonly from?: MemoryResource;
  /** Another process may import it through a descriptor (`buffer.share()`). Sizes are rounded up to the device's pages. */
  readonly shareable?: boolean;
  /** What it is for; in errors, logs and reports of leaks. */
  readonly label?: string;
}

/** Free and total bytes of the device, all processes counted. */
export interface MemoryInfo {
  readonly free_bytes: number;
  readonly total_bytes: number;
}

/**
 * The primary context of a device, retained until `dispose()`. Every call binds it for the length of the call, so that
 * several devices and worker threads do not disturb each other. Disposing of it disposes of nothing else: what was made
 * in it keeps the driver's context until it goes.
 */
export class Context extends Lifetime {
  readonly device: Device;
  /** Where `alloc` takes memory from. Put adaptors on it: `context.memory = withLimit(context.memory, bytes)`. */
  memory: MemoryResource;

  /** Made by `device.openContext()`. */
  constructor(device: Device, handle: ContextHandle) {
    super(`the context of ${device.uuid}`, () => addonFunctions().dispose(handle));
    keepHandle(this, handle);
    this.device = device;
    this.memory = deviceMemory(this);
  }

  /** Lets go of the driver's context once nothing uses it any more. */
  override dispose(): void {
    dropStaging(this);
    super.dispose();
  }

  /** A piece of the device's memory, its content undefined. Throws `out_of_memory` or `limit_exceeded`. */
  alloc(bytes: number, options: AllocOptions = {}): DeviceBuffer {
    requireCount(bytes, "bytes", { least: 1 });
    const resource = options.from ?? this.memory;
    const allocation = resource.allocate({
      bytes,
      shareable: options.shareable ?? false,
      ...(options.label === undefined ? {} : { label: options.label }),
    });
    return new DeviceBuffer(this, allocation, () => resource.deallocate(allocation), { label: options.label ?? null });
  }

  /** Page-locked memory of the host: copies from and to it run without the processor and in the background. */
  allocHost(bytes: number): HostBuffer {
    requireCount(bytes, "bytes", { least: 1 });
    return new HostBuffer(this, addonFunctions().allocateHost(handleOf<ContextHandle>(this), bytes));
  }

  /**
   * A stream. It keeps order with work that names no stream; `independent: true` takes it out of that. `priority`: lower
   * numbers go first, 0 is the lowest.
   */
  createStream(options: { readonly independent?: boolean; readonly priority?: number } = {}): Stream {
    const handle = addonFunctions().createStream(
      handleOf<ContextHandle>(this),
      options.independent ?? false,
      options.priority ?? 0,
    );
    return new Stream(this, handle);
  }

  /** An event. Without `timing` it only orders and signals, which is cheaper. */
  createEvent(options: { readonly timing?: boolean } = {}): DeviceEvent {
    const timing = options.timing ?? true;
    return new DeviceEvent(this, addonFunctions().createEvent(handleOf<ContextHandle>(this), timing), timing);
  }

  /**
   * Loads a kernel image, off the event loop: a cubin, a fatbin, or PTX text (compiled by the driver, which takes a while).
   * Throws `invalid_image` for what this device cannot run.
   */
  async loadModule(image: Uint8Array, name = "a kernel image"): Promise<KernelModule> {
    if (image.byteLength === 0) throw new CudaError("invalid_image", `${name} is empty`);
    return new KernelModule(this, await addonFunctions().loadModule(handleOf<ContextHandle>(this), image), name);
  }

  /** Free and total memory of the device, in bytes, as the driver counts all processes. */
  memoryInfo(): MemoryInfo {
    return addonFunctions().contextMemory(handleOf<ContextHandle>(this));
  }

  /** Resolves when everything that was enqueued in this context is done; rejects with what went wrong in it. */
  async synchronize(): Promise<void> {
    await addonFunctions().contextWait(handleOf<ContextHandle>(this));
  }

  /** Lets kernels of this context reach memory of `peer`'s. Throws `not_supported` where the hardware cannot. */
  enablePeerAccess(peer: Context): void {
    addonFunctions().contextEnablePeer(handleOf<ContextHandle>(this), handleOf<ContextHandle>(peer));
  }
}

/** Retains the primary context of a device. */
export async function openContext(device: Device, driver: DriverHandle): Promise<Context> {
  return new Context(device, await addonFunctions().openContext(driver, device.ordinal));
}
