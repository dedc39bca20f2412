import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "../src/reference-backend.js";
import { compareWithReference } from "./agreement.js";
import { randomConfig } from "./random-config.js";
import { smallConfig } from "./small-config.js";

describe("the comparison with the reference", () => {
  it("finds no difference between the reference and itself", async () => {
    await fc.assert(
      fc.asyncProperty(randomConfig, fc.integer({ min: 0, max: 1e6 }), async (config, seed) => {
        const { errors, differences } = await compareWithReference(config, seed, 2, createReferenceBackend);
        expect(differences).toEqual([]);
        expect(Math.max(...Object.values(errors))).toBe(0);
      }),
      { numRuns: 30, seed: 7 },
    );
  });

  it("finds a backend that computes with another dead zone", async () => {
    const { errors } = await compareWithReference(smallConfig(), 3, 2, (config) =>
      createReferenceBackend({ ...config, deadzone_tau: config.deadzone_tau * 1.001 }),
    );
    expect(errors.trace).toBeGreaterThan(1e-7);
    expect(errors.gradients).toBeGreaterThan(1e-7);
  });
});
