import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { type GoldenTensor, readGoldens, replay } from "./support/goldens.js";

const { cases } = readGoldens();

/** The greatest difference, as a share of the greatest number or of 1. */
function difference(found: GoldenTensor | undefined, wanted: GoldenTensor): number {
  expect(found?.shape).toEqual(wanted.shape);
  const scale = Math.max(1, ...wanted.data.map(Math.abs));
  return Math.max(...wanted.data.map((value, i) => Math.abs(value - found!.data[i]!))) / scale;
}

describe("values within 1e-5 and gradients within 1e-4 of PyTorch's", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openJaxEngine();
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
    const found = await replay(engine, golden);
    for (const [key, wanted] of Object.entries(golden.outputs)) {
      const name = key === "loss" ? "loss" : `output:${key}`;
      expect(difference(found[name], wanted), name).toBeLessThan(1e-5);
    }
    expect(Math.abs(found["loss"]!.data[0]! - golden.loss)).toBeLessThan(1e-5 * Math.max(1, Math.abs(golden.loss)) * 5);
    for (const [key, wanted] of Object.entries(golden.gradients)) {
      expect(difference(found[`gradient:${key}`], wanted), `gradient of ${key}`).toBeLessThan(1e-4);
    }
  });
});
