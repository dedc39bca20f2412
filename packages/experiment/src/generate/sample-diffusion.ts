import type { System } from "@vrx/manifest";
import { randomStream } from "@vrx/ring-engine";
import { signalShares } from "../data/generate.js";
import type { Engine } from "../engine/engine.js";
import { ExperimentError } from "../errors.js";
import { BATCH, OUTPUT, buildForward } from "../system/build-system.js";
import type { Weights } from "../system/weights.js";

/**
 * Draws samples from a trained denoiser, from noise in `steps` steps: without noise in between (`ddim`; Song, Meng,
 * Ermon, 2021) or with it (`ddpm`; Ho, Jain, Abbeel, 2020). Gives (count, d_in), row by row; it follows from the seed.
 */
export async function sampleDiffusion(options: {
  readonly engine: Engine;
  readonly system: System;
  readonly weights: Weights;
  readonly count: number;
  readonly timesteps: number;
  readonly steps: number;
  readonly scheduler: "ddim" | "ddpm";
  readonly seed: number;
}): Promise<Float32Array> {
  const { engine, system, weights, count, timesteps, scheduler, seed } = options;
  if (system.impl !== null || system.ref !== "system.diffusion_denoiser") {
    throw new ExperimentError("unsupported", `${system.ref} is no denoiser; system.diffusion_denoiser is`);
  }
  const width = system.config.d_in;
  const batch = {
    x_t: { shape: [count, width], dtype: "float32" as const },
    t: { shape: [count], dtype: "int32" as const },
  };
  const run = engine.prepare({ kind: "evaluate", program: buildForward({ system }, batch).program });
  const shares = signalShares(timesteps);
  const noise = randomStream(seed, "data", "diffusion samples");
  let drawn = 0;
  let x = Float32Array.from({ length: count * width }, () => noise.normal(drawn++));
  const steps = Math.min(options.steps, timesteps);
  const levels = Array.from({ length: steps }, (_, i) =>
    Math.round(((timesteps - 1) * (steps - 1 - i)) / Math.max(1, steps - 1)),
  );
  for (const [i, t] of levels.entries()) {
    const inputs = {
      [`${BATCH}x_t`]: engine.put(x, [count, width]),
      [`${BATCH}t`]: engine.put(new Int32Array(count).fill(t), [count]),
    };
    const results = run.run({ ...weights.inputs(), ...inputs }, { consume: new Set(Object.keys(inputs)) });
    const found = results[`${OUTPUT}pred_eps`];
    if (found === undefined) throw new ExperimentError("engine_failed", "the denoiser gave nothing back");
    const eps = await engine.read(found);
    found.dispose();
    const share = shares[t] ?? 1;
    const next = i + 1 < levels.length ? (shares[levels[i + 1] ?? 0] ?? 1) : 1;
    // The spread of what is drawn anew between two levels; none on the last way to the sample.
    const fresh = scheduler === "ddim" || next === 1 ? 0 : ((1 - next) / (1 - share)) * (1 - share / next);
    x = x.map((value, at) => {
      const e = eps[at] ?? 0;
      const clean = (value - Math.sqrt(1 - share) * e) / Math.sqrt(share);
      const kept = Math.sqrt(next) * clean + Math.sqrt(Math.max(0, 1 - next - fresh)) * e;
      return fresh === 0 ? kept : kept + Math.sqrt(fresh) * noise.normal(drawn++);
    });
  }
  run.dispose();
  return x;
}
