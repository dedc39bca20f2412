import type { WorkloadSpec } from "@vrx/workload-schema";
import { presets } from "@vrx/workload-schema";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type * as Vector from "../src/internal/vector.js";
import { countFlops } from "../src/flops.js";
import { initialParameters } from "../src/initial-parameters.js";
import { type RingOptions, requireRingOptions } from "../src/options.js";
import { createReferenceBackend } from "../src/reference-backend.js";
import { ringBatch, stateLoopProjection } from "../src/ring-batch.js";
import { ringConfig } from "../src/ring-config.js";
import { smallSpec } from "./small-spec.js";

const counted = vi.hoisted(() => ({ operations: 0 }));

// Every product of the reference engine goes through these two.
vi.mock("../src/internal/vector.js", async (original) => {
  const vector = await original<typeof Vector>();
  return {
    ...vector,
    dot: (a: Float64Array, b: Float64Array) => {
      counted.operations += 2 * a.length;
      return vector.dot(a, b);
    },
    addScaled: (target: Float64Array, factor: number, values: Float64Array) => {
      counted.operations += 2 * values.length;
      vector.addScaled(target, factor, values);
    },
    at: (values: Vector.Numbers, index: number) => vector.at(values, index),
  };
});

beforeEach(() => {
  counted.operations = 0;
});

async function operationsOf(spec: WorkloadSpec, options: Partial<RingOptions>, mode: "forward" | "gradients") {
  const config = ringConfig(spec, requireRingOptions(options));
  const backend = createReferenceBackend(config);
  backend.writeParameters(initialParameters(config, 1));
  counted.operations = 0;
  await backend.run({ batch: ringBatch(config, 1, 0), mode, state_loop_projection: stateLoopProjection(config, 1) });
  return counted.operations;
}

describe("countFlops", () => {
  it.each<[string, Parameters<typeof smallSpec<number>>[0], Partial<RingOptions>]>([
    ["the defaults", {}, {}],
    ["a pointer that moves every third step", { ptr_update_every: 3, synth_len: 8 }, {}],
    ["a delay line at work", { synth_len: 9 }, { sensory_len: 4 }],
    ["no sensory stage", {}, { sensory_ring: false }],
    ["a wider window and several heads", {}, { window_radius: 4, expert_heads: 3, num_classes: 11 }],
    ["a single step", { synth_len: 1 }, {}],
  ])("counts what the reference engine does with %s", async (_, changes, options) => {
    const spec = smallSpec({ ...changes, state_loop_samples: 0 });
    const flops = countFlops(spec, options);
    expect(await operationsOf(spec, options, "forward")).toBe(flops.forward.total);
    expect(await operationsOf(spec, options, "gradients")).toBe(flops.forward.total + flops.backward.total);
  });

  it("adds up", () => {
    const { forward, backward, optimizer, per_step, per_token } = countFlops(presets.od1_small);
    expect(per_step).toBe(forward.total + backward.total + optimizer);
    expect(per_token).toBe(per_step / (4 * 128));
    const { total, ...parts } = forward;
    expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBe(total);
  });

  it("is near what is known of the presets", () => {
    // Per sample and time step of the forward pass: 4.65 MFLOP in od1_real.
    const real = countFlops(presets.od1_real);
    const perStep = real.forward.total / (16 * 256);
    expect(perStep / 4.65e6).toBeGreaterThan(0.98);
    expect(perStep / 4.65e6).toBeLessThan(1.02);
    // Parameters with gradients: all but the plain input's 2 D.
    expect(real.optimizer).toBe(13 * (2_495_557 - 2 * 576));
    expect(countFlops(presets.od1_small).optimizer).toBe(13 * (532_227 - 2 * 256));
    expect(countFlops(presets.od1_stress).optimizer).toBe(13 * (4_370_437 - 2 * 768));
  });
});
