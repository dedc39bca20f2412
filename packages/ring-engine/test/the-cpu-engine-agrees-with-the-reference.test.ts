import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RingConfig } from "../src/backend.js";
import { type CpuBackendOptions, type CpuInstructionSet, createCpuBackend } from "../src/cpu-backend.js";
import { loadAddon } from "../src/native-addon.js";
import { compareWithReference } from "./agreement.js";
import { randomConfig } from "./random-config.js";

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
