import type { Allocation, AllocationRequest, MemoryResource } from "./memory-resource.js";

/** An allocation that was not given back yet. */
export interface OutstandingAllocation {
  readonly bytes: number;
  readonly label: string | null;
  /** Where it was asked for: a JavaScript stack, without the frames of this package's adaptors. */
  readonly stack: string;
}

/** A resource that remembers who holds what. */
export interface TrackingResource extends MemoryResource {
  /** The oldest first. */
  outstanding(): readonly OutstandingAllocation[];
}

/** Remembers the stack behind every allocation of `upstream` until it is given back. Costs a stack trace for each. */
export function withTracking(upstream: MemoryResource): TrackingResource {
  const held = new Map<Allocation, OutstandingAllocation>();
  // A function with a name, so that the stack can begin above it.
  function allocate(request: AllocationRequest): Allocation {
    const allocation = upstream.allocate(request);
    const at: { stack?: string } = {};
    Error.captureStackTrace(at, allocate);
    const stack = (at.stack ?? "").split("\n").slice(1).join("\n");
    held.set(allocation, { bytes: allocation.bytes, label: request.label ?? null, stack });
    return allocation;
  }
  return {
    description: `tracking over ${upstream.description}`,
    allocate,
    deallocate(allocation) {
      held.delete(allocation);
      upstream.deallocate(allocation);
    },
    outstanding: () => [...held.values()],
  };
}
