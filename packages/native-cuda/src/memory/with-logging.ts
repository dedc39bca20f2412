import type { Allocation, MemoryResource } from "./memory-resource.js";

/** One thing that happened to a memory resource. */
export interface MemoryEvent {
  readonly action: "allocate" | "deallocate" | "refused";
  readonly bytes: number;
  readonly label: string | null;
  /** The allocation's number, counted from 1; the same when it is given back. Null for what was refused. */
  readonly id: number | null;
  /** Milliseconds since the resource was made. */
  readonly at_ms: number;
  /** Why it was refused. */
  readonly error?: unknown;
}

/** Tells `log` of every allocation, deallocation and refusal of `upstream`. */
export function withLogging(upstream: MemoryResource, log: (event: MemoryEvent) => void): MemoryResource {
  const started = performance.now();
  const known = new Map<Allocation, { readonly id: number; readonly label: string | null }>();
  let count = 0;
  const at = (): number => performance.now() - started;
  return {
    description: `logging over ${upstream.description}`,
    allocate(request) {
      const { bytes, label = null } = request;
      try {
        const allocation = upstream.allocate(request);
        count += 1;
        known.set(allocation, { id: count, label });
        log({ action: "allocate", bytes: allocation.bytes, label, id: count, at_ms: at() });
        return allocation;
      } catch (error) {
        log({ action: "refused", bytes, label, id: null, at_ms: at(), error });
        throw error;
      }
    },
    deallocate(allocation) {
      const { id, label } = known.get(allocation) ?? { id: null, label: null };
      known.delete(allocation);
      log({ action: "deallocate", bytes: allocation.bytes, label, id, at_ms: at() });
      upstream.deallocate(allocation);
    },
  };
}
