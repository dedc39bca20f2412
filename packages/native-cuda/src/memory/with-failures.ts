import { CudaError } from "../errors.js";
import type { AllocationRequest, MemoryResource } from "./memory-resource.js";

/** Which allocations fail; each condition that holds is enough. */
export interface FailurePlan {
  /** The n-th allocation, counted from 1. */
  readonly nth?: number;
  /** Every allocation of more than this many bytes. */
  readonly beyond_bytes?: number;
  /** Whatever it says true to; `n` counts from 1. */
  readonly when?: (request: AllocationRequest, n: number) => boolean;
}

/** Fails, with `out_of_memory` as a full device would, where the plan says so: for tests of what happens then. */
export function withFailures(upstream: MemoryResource, plan: FailurePlan): MemoryResource {
  let n = 0;
  return {
    description: `failures over ${upstream.description}`,
    allocate(request) {
      n += 1;
      const fails =
        n === plan.nth ||
        request.bytes > (plan.beyond_bytes ?? Number.POSITIVE_INFINITY) ||
        (plan.when?.(request, n) ?? false);
      if (fails) {
        throw new CudaError("out_of_memory", `allocation ${n} of ${request.bytes} bytes fails, as the plan says`, {
          details: { requested_bytes: request.bytes, injected: true },
        });
      }
      return upstream.allocate(request);
    },
    deallocate: (allocation) => upstream.deallocate(allocation),
  };
}
