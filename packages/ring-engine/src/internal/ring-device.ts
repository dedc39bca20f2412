import type { DeviceMemory } from "../backend.js";
import type { EngineDevice } from "../engine-device.js";
import type { CudaLaunch } from "./cuda-launches.js";

/** One step as a device runs it: bytes in, kernels, bytes out. */
export interface DeviceStep {
  readonly writes: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  readonly launches: readonly CudaLaunch[];
  readonly reads: { readonly at: number; readonly bytes: number };
}

/** What the cuda engine asks of a device; it holds everything that one model has there. */
export interface RingDevice {
  readonly facts: EngineDevice;
  /**
   * Takes memory, cleared; the first piece is the arena, which all kernels get. Rejects with `out_of_memory`, its
   * `details` saying how much was asked for and how much was held by then.
   */
  allocate(bytes: number): Promise<void>;
  /** Bytes to or from the arena; resolved when they are there. */
  write(at: number, bytes: Uint8Array): Promise<void>;
  read(at: number, bytes: number): Promise<Uint8Array>;
  /** Enqueues a step as a whole, without waiting in between; resolves when it is done. `time_s` is that of its kernels. */
  run(step: DeviceStep): Promise<{ readonly time_s: number; readonly bytes: Uint8Array }>;
  memory(): DeviceMemory;
  /** Frees everything. Again is fine. */
  dispose(): void;
}
