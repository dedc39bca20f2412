import { CudaError } from "../errors.js";
import type { MemoryResource } from "./memory-resource.js";

/** Now, at most at one time, and altogether. */
export interface Counter {
  readonly current: number;
  readonly peak: number;
  readonly total: number;
}

/** Bytes and numbers of allocations. */
export interface MemoryCounters {
  readonly bytes: Counter;
  readonly allocations: Counter;
}

/** A resource that counts what goes through it. */
export interface StatisticsResource extends MemoryResource {
  /** Counted since it was made or, between `push` and `pop`, since the push. */
  readonly counters: MemoryCounters;
  /** Starts to count from zero, for one part of a program; returns the counters until now. */
  push(): MemoryCounters;
  /** Ends that part: returns its counters and adds them to those before it. Throws without a `push`. */
  pop(): MemoryCounters;
}

class Level {
  bytes = { current: 0, peak: 0, total: 0 };
  allocations = { current: 0, peak: 0, total: 0 };

  add(bytes: number): void {
    for (const [counter, amount] of [
      [this.bytes, bytes],
      [this.allocations, 1],
    ] as const) {
      counter.current += amount;
      counter.total += amount;
      counter.peak = Math.max(counter.peak, counter.current);
    }
  }

  subtract(bytes: number): void {
    this.bytes.current -= bytes;
    this.allocations.current -= 1;
  }

  /** What an inner level did, as it looks from here. */
  absorb(inner: Level): void {
    for (const name of ["bytes", "allocations"] as const) {
      const [mine, its] = [this[name], inner[name]];
      mine.peak = Math.max(mine.peak, mine.current + its.peak);
      mine.current += its.current;
      mine.total += its.total;
    }
  }

  snapshot(): MemoryCounters {
    return { bytes: { ...this.bytes }, allocations: { ...this.allocations } };
  }
}

/** Counts bytes and allocations over `upstream`: current, peak and total, and for parts of a program by push and pop. */
export function withStatistics(upstream: MemoryResource): StatisticsResource {
  const levels = [new Level()];
  const top = (): Level => {
    const level = levels.at(-1);
    if (level === undefined) throw new CudaError("invalid_argument", "statistics without a level");
    return level;
  };
  return {
    description: `statistics over ${upstream.description}`,
    allocate(request) {
      const allocation = upstream.allocate(request);
      top().add(allocation.bytes);
      return allocation;
    },
    deallocate(allocation) {
      // Counted first: what the driver will not take back is lost to this process all the same.
      top().subtract(allocation.bytes);
      upstream.deallocate(allocation);
    },
    get counters() {
      return top().snapshot();
    },
    push() {
      const before = top().snapshot();
      levels.push(new Level());
      return before;
    },
    pop() {
      if (levels.length === 1) throw new CudaError("invalid_argument", "pop without a push");
      const inner = top();
      levels.pop();
      top().absorb(inner);
      return inner.snapshot();
    },
  };
}
