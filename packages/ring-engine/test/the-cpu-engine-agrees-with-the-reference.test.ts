import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RingConfig } from "../src/backend.js";
import { type CpuBackendOptions, type CpuInstructionSet, createCpuBackend } from "../src/cpu-backend.js";
import { loadAddon } from "../src/native-addon.js";
import { compareWithReference } from "./agreement.js";
import { randomConfig } from "./random-config.js";
import { smallConfig } from "./small-config.js";

const load = loadAddon();
const available = load.status === "loaded" ? load.levels : [];
const instructionSets: readonly CpuInstructionSet[] = ["generic", "avx2", "avx512"];

async function agreement(
  config: RingConfig,
  seed: number,
  options: CpuBackendOptions,
): Promise<{ readonly worst: number; readonly differences: readonly string[]; readonly errors: object }> {
  const { errors, differences } = await compareWithReference(config, seed, 2, (c) => createCpuBackend(c, options));
  return { worst: Math.max(...Object.values(errors)), differences, errors };
}

describe("the CPU engine agrees with the reference on random configurations", () => {
  for (const instruction_set of instructionSets) {
    it.skipIf(!available.includes(instruction_set))(`in fp64, ${instruction_set}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          randomConfig,
          fc.integer({ min: 0, max: 1e6 }),
          fc.integer({ min: 1, max: 4 }),
          async (config, seed, threads) => {
            const { worst, differences } = await agreement(config, seed, { threads, instruction_set });
            expect(differences).toEqual([]);
            expect(worst).toBeLessThan(1e-9);
          },
        ),
        { numRuns: 40, seed: 11 },
      );
    });

    it.skipIf(!available.includes(instruction_set))(`in fp32, ${instruction_set}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          randomConfig,
          fc.integer({ min: 0, max: 1e6 }),
          fc.constantFrom("fp64" as const, "fp32" as const),
          async (config, seed, ptr_dtype) => {
            const fp32 = { ...config, precision: "fp32", ptr_dtype } as const;
            const { worst, errors, differences } = await agreement(fp32, seed, { threads: 2, instruction_set });
            expect(differences).toEqual([]);
            expect(worst, JSON.stringify(errors)).toBeLessThan(1e-3);
          },
        ),
        { numRuns: 40, seed: 12 },
      );
    });
  }
});

/** Sizes beyond one vector, one register tile and one block of packed rows; batches that threads share unevenly. */
const larger = [
  { slot_dim: 70, sensory_dim: 23, ring_len: 64, synth_len: 70, batch_size: 9, sensory_len: 32, num_classes: 33 },
  { slot_dim: 64, sensory_dim: 21, ring_len: 128, synth_len: 40, batch_size: 4, sensory_len: 64, num_classes: 256 },
  { slot_dim: 133, sensory_dim: 44, ring_len: 40, synth_len: 9, batch_size: 7, sensory_len: 20, expert_heads: 3 },
  { slot_dim: 97, ring_len: 50, synth_len: 12, batch_size: 1, sensory_ring: false, ptr_update_every: 3 },
] as const;

describe("the CPU engine agrees with the reference beyond the size of its tiles", () => {
  for (const instruction_set of instructionSets) {
    it.skipIf(!available.includes(instruction_set))(instruction_set, async () => {
      for (const [i, sizes] of larger.entries()) {
        for (const [precision, limit] of [
          ["fp64", 1e-9],
          ["fp32", 1e-3],
        ] as const) {
          const config = smallConfig({ ...sizes, precision });
          const { worst, differences, errors } = await agreement(config, i, { threads: i + 1, instruction_set });
          expect(differences).toEqual([]);
          expect(worst, `${i} ${precision} ${JSON.stringify(errors)}`).toBeLessThan(limit);
        }
      }
    });
  }
});
