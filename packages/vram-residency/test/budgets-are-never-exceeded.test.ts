import fc from "fast-check";
import { expect, it } from "vitest";
import { VramBudget } from "../src/vram-budget.js";

const budget = (capacity_bytes: number, free = capacity_bytes, headroom_bytes = 0) =>
  new VramBudget({ capacity_bytes, headroom_bytes, deviceFree: () => free });

it("takes an exact fit and nothing more, and says both numbers", () => {
  const own = budget(10);
  const first = own.reserve(10);
  expect(own.available_bytes).toBe(0);
  expect(() => own.reserve(1)).toThrow(/1 bytes of VRAM are needed and 0 are available/u);
  first.release();
  expect(own.available_bytes).toBe(10);
});

it("leaves the headroom to others, and counts what the device counts only once", () => {
  let free = 100;
  const own = new VramBudget({ capacity_bytes: 1000, headroom_bytes: 20, deviceFree: () => free });
  const held = own.reserve(50);
  expect(own.available_bytes).toBe(30);
  free -= 50;
  held.allocated();
  expect(own.available_bytes).toBe(30);
  expect(own.used_bytes).toBe(50);
  held.release();
  held.release();
  held.allocated();
  expect(own.used_bytes).toBe(0);
});

it("is never exceeded and never leaks, whatever is done in whatever order", () => {
  const actions = fc.array(fc.tuple(fc.constantFrom("reserve", "allocated", "release"), fc.nat(30)), { maxLength: 60 });
  fc.assert(
    fc.property(actions, (steps) => {
      let deviceUsed = 0;
      const own = new VramBudget({ capacity_bytes: 100, headroom_bytes: 5, deviceFree: () => 120 - deviceUsed });
      const held: { reservation: ReturnType<VramBudget["reserve"]>; state: string }[] = [];
      for (const [action, n] of steps) {
        if (action === "reserve") {
          try {
            held.push({ reservation: own.reserve(n), state: "promised" });
          } catch {
            expect(n).toBeGreaterThan(own.available_bytes);
          }
          continue;
        }
        const one = held[n % Math.max(1, held.length)];
        if (one === undefined) continue;
        if (action === "allocated" && one.state === "promised") {
          deviceUsed += one.reservation.bytes;
          one.state = "used";
        }
        if (action === "release") {
          if (one.state === "used") deviceUsed -= one.reservation.bytes;
          one.state = "released";
        }
        one.reservation[action === "allocated" ? "allocated" : "release"]();
        const live = held.filter(({ state }) => state !== "released");
        expect(live.reduce((sum, { reservation }) => sum + reservation.bytes, 0)).toBeLessThanOrEqual(100);
      }
      for (const { reservation } of held) reservation.release();
      expect(own.used_bytes).toBe(0);
    }),
  );
});
