import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Allocation,
  type MemoryEvent,
  type MemoryResource,
  withFailures,
  withLimit,
  withLogging,
  withStatistics,
  withTracking,
} from "../src/index.js";
import { nothingToTest, onFake } from "./on-a-fake-driver.js";

/** A resource without a device: adaptors do not care. */
function plain(): MemoryResource {
  return {
    description: "nothing",
    allocate: ({ bytes }) => ({ bytes, handle: {} as Allocation["handle"] }),
    deallocate: () => undefined,
  };
}
const request = (bytes: number, label?: string) => ({
  bytes,
  shareable: false,
  ...(label === undefined ? {} : { label }),
});

describe("statistics", () => {
  it("count what a model counts, through any sequence of allocations, pushes and pops", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("allocate" as const), bytes: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ do: fc.constant("free" as const), bytes: fc.nat() }),
      fc.record({ do: fc.constantFrom("push" as const, "pop" as const), bytes: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = withStatistics(plain());
        const held: Allocation[] = [];
        // The model: every level sees a walk of bytes from zero.
        let walks = [[0]];
        let totals = [0];
        let depth = 0;
        const move = (by: number): void => {
          walks = walks.map((walk) => [...walk, walk.at(-1)! + by]);
          if (by > 0) totals = totals.map((total) => total + by);
        };
        for (const { do: action, bytes } of steps) {
          if (action === "allocate") {
            held.push(memory.allocate(request(bytes)));
            move(bytes);
          } else if (action === "free" && held.length > 0) {
            const [gone] = held.splice(bytes % held.length, 1);
            memory.deallocate(gone!);
            move(-gone!.bytes);
          } else if (action === "push") {
            memory.push();
            walks.push([0]);
            totals.push(0);
            depth += 1;
          } else if (action === "pop" && depth > 0) {
            const counters = memory.pop();
            const walk = walks.pop()!;
            expect(counters.bytes).toEqual({ current: walk.at(-1), peak: Math.max(...walk), total: totals.pop() });
            depth -= 1;
          } else if (action === "pop") {
            expect(() => memory.pop()).toThrow(/without a push/);
          }
          const walk = walks.at(-1)!;
          expect(memory.counters.bytes).toEqual({
            current: walk.at(-1),
            peak: Math.max(...walk),
            total: totals.at(-1),
          });
        }
      }),
    );
  });
});

describe("adaptors", () => {
  it("stand on each other and say so", () => {
    const memory = withStatistics(withLimit(withTracking(plain()), 1000));
    expect(memory.description).toBe("statistics over limit of 1000 bytes over tracking over nothing");
  });

  it("limit what is held at one time, not altogether", () => {
    const memory = withLimit(plain(), 100);
    const first = memory.allocate(request(60));
    expect(() => memory.allocate(request(41))).toThrow(
      expect.objectContaining({
        code: "limit_exceeded",
        details: { requested_bytes: 41, allocated_bytes: 60, limit_bytes: 100 },
      }) as Error,
    );
    memory.allocate(request(40));
    memory.deallocate(first);
    expect(memory.allocated_bytes).toBe(40);
    memory.allocate(request(60));
  });

  it("track who holds what, from where", () => {
    const memory = withTracking(plain());
    function whoAllocates(): Allocation {
      return memory.allocate(request(10, "weights"));
    }
    const kept = whoAllocates();
    const gone = memory.allocate(request(20));
    memory.deallocate(gone);
    expect(memory.outstanding()).toMatchObject([{ bytes: 10, label: "weights" }]);
    expect(memory.outstanding()[0]!.stack).toMatch(/^\s+at whoAllocates \(.*memory-resources\.test\.ts/);
    memory.deallocate(kept);
    expect(memory.outstanding()).toEqual([]);
  });

  it("log what happens, and what is refused", () => {
    const events: MemoryEvent[] = [];
    const memory = withLogging(withLimit(plain(), 15), (event) => events.push(event));
    const first = memory.allocate(request(10, "a"));
    expect(() => memory.allocate(request(10))).toThrow();
    memory.deallocate(first);
    expect(events).toMatchObject([
      { action: "allocate", bytes: 10, label: "a", id: 1 },
      { action: "refused", bytes: 10, label: null, id: null, error: { code: "limit_exceeded" } },
      { action: "deallocate", bytes: 10, label: "a", id: 1 },
    ]);
  });

  it("fail where the plan says so, as a full device would", () => {
    const memory = withFailures(plain(), { nth: 2, beyond_bytes: 100, when: ({ label }) => label === "doomed" });
    const outcome = (bytes: number, label?: string): string => {
      try {
        memory.allocate(request(bytes, label));
        return "ok";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect([outcome(1), outcome(1), outcome(1), outcome(101), outcome(1, "doomed"), outcome(100)]).toEqual([
      "ok",
      "out_of_memory",
      "ok",
      "out_of_memory",
      "out_of_memory",
      "ok",
    ]);
  });

  it.skipIf(nothingToTest)("serve a context's buffers, which give back what they took, once", async () => {
    const { context, memory } = await onFake();
    const tracking = withTracking(withLimit(memory, 1000));
    context.memory = tracking;
    const buffer = context.alloc(600, { label: "activations" });
    expect(() => context.alloc(401)).toThrow(expect.objectContaining({ code: "limit_exceeded" }) as Error);
    expect(tracking.outstanding()[0]!.stack).toContain("memory-resources.test.ts");
    const elsewhere = context.alloc(5000, { from: memory });
    expect(memory.counters.bytes.current).toBe(5600);
    for (const thing of [buffer, buffer, elsewhere]) thing.dispose();
    expect(memory.counters.bytes).toEqual({ current: 0, peak: 5600, total: 5600 });
    for (const wrong of [0, -1, 0.5, NaN, 2 ** 60]) expect(() => context.alloc(wrong)).toThrow(/bytes: expected/);
  });
});
