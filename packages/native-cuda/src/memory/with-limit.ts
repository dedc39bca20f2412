import { CudaError } from "../errors.js";
import { requireCount } from "../internal/checks.js";
import type { MemoryResource } from "./memory-resource.js";

/** A resource that gives no more than its limit. */
export interface LimitResource extends MemoryResource {
  readonly limit_bytes: number;
  readonly allocated_bytes: number;
}

/** Refuses, with `limit_exceeded`, what would take more than `limit_bytes` from `upstream` at one time. */
export function withLimit(upstream: MemoryResource, limit_bytes: number): LimitResource {
  requireCount(limit_bytes, "limit_bytes");
  let allocated = 0;
  return {
    description: `limit of ${limit_bytes} bytes over ${upstream.description}`,
    limit_bytes,
    get allocated_bytes() {
      return allocated;
    },
    allocate(request) {
      if (allocated + request.bytes > limit_bytes) {
        throw new CudaError(
          "limit_exceeded",
          `${request.bytes} bytes more than the ${allocated} in use would exceed the limit of ${limit_bytes}`,
          { details: { requested_bytes: request.bytes, allocated_bytes: allocated, limit_bytes } },
        );
      }
      const allocation = upstream.allocate(request);
      allocated += allocation.bytes;
      return allocation;
    },
    deallocate(allocation) {
      allocated -= allocation.bytes;
      upstream.deallocate(allocation);
    },
  };
}
