import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lowerManifest, parseManifest } from "@vrx/manifest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../src/data/open-dataset.js";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { sampleDiffusion } from "../src/generate/sample-diffusion.js";
import { TrainingSession, batchSpec } from "../src/train/training-session.js";

const preset = fileURLToPath(new URL("../../manifest/presets/diffusion_vector.yml", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "vrx-samples-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("samples of a denoiser", () => {
  const target = lowerManifest(parseManifest(readFileSync(preset, "utf8"))).targets.find(
    ({ name }) => name === "smoke",
  )!;
  if (target.type !== "experiment") throw new Error("no experiment");
  const { system } = target;
  let engine: Engine;
  let session: TrainingSession;
  /** The data that was trained on: rows of four numbers. */
  let data: number[];

  beforeAll(async () => {
    engine = await openJaxEngine();
    const dataset = await openDataset(target.data, { root, val_frac: 0.1 });
    const size = 256;
    const batches = Array.from({ length: 300 }, (_, place) => dataset.trainBatch(1, place, size));
    const { train } = target.runs[0]!;
    session = new TrainingSession({ engine, spec: target, train, seed: 1, batch: batchSpec(batches[0]!) });
    for (const batch of batches) await session.step([batch], 0.003);
    const bytes = readFileSync(join(root, "data/diffusion_vector_smoke_x.npy"));
    // The numbers of a .npy file stand at its end.
    const count = 4096 * 4;
    data = Array.from({ length: count }, (_, i) => bytes.readFloatLE(bytes.length - 4 * (count - i)));
  });

  const draw = (scheduler: "ddim" | "ddpm", seed: number, steps = 50) =>
    sampleDiffusion({ engine, system, weights: session.weights, count: 512, timesteps: 1000, steps, scheduler, seed });

  /** Mean, over rows of one set, of the squared distance to the nearest row of the other. */
  function distance(rows: ArrayLike<number>, to: ArrayLike<number>): number {
    let sum = 0;
    for (let a = 0; a < rows.length; a += 4) {
      let least = Infinity;
      for (let b = 0; b < to.length; b += 4) {
        let square = 0;
        for (let i = 0; i < 4; i++) square += (rows[a + i]! - to[b + i]!) ** 2;
        least = Math.min(least, square);
      }
      sum += least;
    }
    return (4 * sum) / rows.length;
  }

  it.each(["ddim", "ddpm"] as const)("look like the data (%s), which noise does not", async (scheduler) => {
    const samples = await draw(scheduler, 3);
    const [some, others] = [data.slice(0, 2048), data.slice(2048, 8192)];
    const usual = distance(some, others);
    expect(distance(samples, others)).toBeLessThan(1.5 * usual);
    // All of the data is near a sample too: no part of it was left out.
    expect(distance(others.slice(0, 2048), samples)).toBeLessThan(1.5 * distance(others.slice(0, 2048), some));
    const noise = Float32Array.from(samples, (_, i) => 3 * Math.sin(1000 * i) + 2 * Math.sin(77 * i * i));
    expect(distance(noise, others)).toBeGreaterThan(2 * usual);
  });

  it("follow from their seed", async () => {
    const first = await draw("ddpm", 3, 10);
    expect(await draw("ddpm", 3, 10)).toEqual(first);
    expect(await draw("ddpm", 4, 10)).not.toEqual(first);
  });

  it("are drawn from denoisers only", async () => {
    const model = { ...system, ref: "system.mlp_classifier" } as typeof system;
    const options = { engine, weights: session.weights, count: 1, timesteps: 10, steps: 2, seed: 1 };
    await expect(sampleDiffusion({ ...options, system: model, scheduler: "ddim" })).rejects.toMatchObject({
      code: "unsupported",
    });
  });
});
