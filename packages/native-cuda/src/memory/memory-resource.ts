import type { BufferHandle } from "../internal/addon-functions.js";

/** What is asked of a memory resource. */
export interface AllocationRequest {
  /** At least 1. */
  readonly bytes: number;
  /** The bytes must be exportable to another process. */
  readonly shareable: boolean;
  /** What they are for. */
  readonly label?: string;
}

/** A piece of a device's memory. Where it is stays in the addon: an adaptor can count it, not look into it. */
export interface Allocation {
  /** Bytes asked for. */
  readonly bytes: number;
  /** The addon's object, opaque. */
  readonly handle: BufferHandle;
}

/**
 * Where device memory comes from, in the manner of RMM's memory resources: the bottom one asks the driver, adaptors stand
 * on another resource and watch or restrict it. Both functions may throw a `CudaError`.
 */
export interface MemoryResource {
  /** For people: what it is, such as `statistics over limit 1 GiB over device memory`. */
  readonly description: string;
  allocate(request: AllocationRequest): Allocation;
  /** Takes back what `allocate` gave, once. */
  deallocate(allocation: Allocation): void;
}
