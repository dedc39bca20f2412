import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RingConfig } from "../src/backend.js";
import { type Agreement, compareWithReference } from "./agreement.js";
import { fakeCuda, noFakeDevice } from "./cuda-engine.js";
import { randomConfig } from "./random-config.js";
import { smallConfig } from "./small-config.js";

const schedules = fc.constantFrom("ascending" as const, "descending" as const, 3);

async function agreement(
  config: RingConfig,
  seed: number,
  schedule: "ascending" | "descending" | number = "ascending",
): Promise<Agreement & { readonly worst: number }> {
  const { driver, create } = await fakeCuda({ schedule });
  const found = await compareWithReference(config, seed, 2, create);
  expect(driver.statistics()).toMatchObject({ device_allocations: 0, host_allocations: 0, streams: 0 });
  driver.dispose();
  return { ...found, worst: Math.max(...Object.values(found.errors)) };
}

describe.skipIf(noFakeDevice !== null)("the cuda engine agrees with the reference on random configurations", () => {
  it("in fp64", async () => {
    await fc.assert(
      fc.asyncProperty(randomConfig, fc.integer({ min: 0, max: 1e6 }), schedules, async (config, seed, schedule) => {
        const { worst, differences, errors } = await agreement(config, seed, schedule);
        expect(differences).toEqual([]);
        expect(worst, JSON.stringify(errors)).toBeLessThan(1e-9);
      }),
      { numRuns: 25, seed: 21 },
    );
  });

  it("in fp32", async () => {
    await fc.assert(
      fc.asyncProperty(
        // On a ring of two slots, a step forward is as far as one back: rounding alone decides.
        randomConfig.filter(({ ring_len }) => ring_len !== 2),
        fc.integer({ min: 0, max: 1e6 }),
        fc.constantFrom("fp64" as const, "fp32" as const),
        async (config, seed, ptr_dtype) => {
          const { worst, differences, errors } = await agreement({ ...config, precision: "fp32", ptr_dtype }, seed);
          expect(differences).toEqual([]);
          expect(worst, JSON.stringify(errors)).toBeLessThan(1e-3);
        },
      ),
      { numRuns: 25, seed: 22 },
    );
  });
});

/** Sizes beyond one block, one tile and one warp; samples that lanes share unevenly; states that come back in two segments. */
const larger: readonly Partial<RingConfig>[] = [
  { slot_dim: 70, sensory_dim: 23, ring_len: 64, synth_len: 20, batch_size: 9, sensory_len: 32, num_classes: 33 },
  { slot_dim: 133, sensory_dim: 44, ring_len: 40, synth_len: 9, batch_size: 17, sensory_len: 5, expert_heads: 3 },
  { slot_dim: 97, ring_len: 50, synth_len: 12, batch_size: 1, sensory_ring: false, ptr_update_every: 3 },
  { slot_dim: 5, sensory_dim: 70, ring_len: 9, synth_len: 6, batch_size: 5, sensory_len: 9, window_radius: 6 },
];

describe.skipIf(noFakeDevice !== null)("the cuda engine agrees with the reference beyond the size of its tiles", () => {
  it.each(larger.map((sizes, i) => [JSON.stringify(sizes), sizes, i] as const))("%s", async (_, sizes, seed) => {
    for (const [precision, limit] of [
      ["fp64", 1e-9],
      ["fp32", 1e-3],
    ] as const) {
      const { worst, differences, errors } = await agreement(smallConfig({ ...sizes, precision }), seed);
      expect(differences).toEqual([]);
      expect(worst, `${precision} ${JSON.stringify(errors)}`).toBeLessThan(limit);
    }
  });
});

describe.skipIf(noFakeDevice !== null)("products in low precision stay within a few of its roundings", () => {
  it.each([
    ["fp16", 2 ** -11],
    ["bf16", 2 ** -8],
  ] as const)("%s", async (precision, rounding) => {
    for (const sizes of [{}, larger[0]]) {
      const { errors, differences } = await agreement(smallConfig({ ...sizes, precision }), 3);
      expect(differences).toEqual([]);
      expect(errors.logits, "logits").toBeLessThan(4 * rounding);
      expect(errors.loss, "loss").toBeLessThan(rounding);
      expect(errors.gradients, "gradients").toBeLessThan(32 * rounding);
      // It is not fp32 in disguise either.
      expect(errors.logits, "logits").toBeGreaterThan(rounding / 64);
    }
  });
});
