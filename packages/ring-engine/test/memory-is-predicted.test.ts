import { presets } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import { isRingEngineError } from "../src/errors.js";
import { createCpuBackend } from "../src/cpu-backend.js";
import { initialParameters } from "../src/initial-parameters.js";
import { modelViews } from "../src/internal/model-views.js";
import { ringForward } from "../src/internal/ring-pass.js";
import { predictMemory, predictionError, requireMemory } from "../src/memory.js";
import { parameterCount, parameterSlotCount, referenceMemory } from "../src/memory-parts.js";
import { loadAddon } from "../src/native-addon.js";
import { type RingOptions, requireRingOptions } from "../src/options.js";
import { ringConfig } from "../src/ring-config.js";
import { parameterLayout } from "../src/parameters.js";
import { randomConfig } from "./random-config.js";
import { ringBatch } from "../src/ring-batch.js";
import { smallConfig } from "./small-config.js";
import { smallSpec } from "./small-spec.js";
import fc from "fast-check";

/** Bytes of all arrays that can be reached from a value, each buffer once. */
function reachableBytes(root: unknown): number {
  const seen = new Set<unknown>();
  const buffers = new Set<ArrayBufferLike>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (ArrayBuffer.isView(value)) buffers.add(value.buffer);
    else Object.values(value).forEach(walk);
  };
  walk(root);
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

describe("counts of parameters", () => {
  it("are those of the layout", () => {
    fc.assert(
      fc.property(randomConfig, (config) => {
        const layout = parameterLayout(config);
        expect(parameterCount(config)).toBe(layout.reduce((sum, { length }) => sum + length, 0));
        expect(parameterSlotCount(config)).toBe(layout.length);
      }),
      { seed: 3 },
    );
  });
});

describe("predictMemory", () => {
  it("knows within 2 % what a pass of the reference engine leaves behind", () => {
    const config = smallConfig({
      ring_len: 64,
      slot_dim: 48,
      synth_len: 64,
      sensory_dim: 16,
      sensory_len: 64,
      num_classes: 16,
    });
    const model = modelViews(parameterLayout(config), initialParameters(config, 1));
    const { x } = ringBatch(config, 1, 0);
    const pass = ringForward(model, config, x.slice(0, 64), 3, null);
    const measured = reachableBytes({ ...pass, x: null });
    expect(Math.abs(referenceMemory(config).saved_rows / measured - 1)).toBeLessThan(0.02);
  });

  it("keeps no copy of the ring per time step", () => {
    const short = predictMemory(smallSpec({ ring_len: 4096, slot_dim: 64, synth_len: 4 }), {}, { engine: "reference" });
    const long = predictMemory(smallSpec({ ring_len: 4096, slot_dim: 64, synth_len: 64 }), {}, { engine: "reference" });
    expect(long.parts.ring).toBe(short.parts.ring);
    expect(long.total_bytes).toBeLessThan(1.5 * short.total_bytes);
  });

  it("stays far below the memory of the original, which keeps a ring per time step", () => {
    const { ring_len, slot_dim } = presets.od1_real.ant_spec;
    const { batch_size, synth_len } = presets.od1_real.colony_spec;
    const original = 4 * batch_size * (synth_len + 1) * ring_len * slot_dim;
    for (const engine of ["reference", "cpu"] as const) {
      expect(predictMemory(presets.od1_real, {}, { engine }).total_bytes).toBeLessThan(original / 20);
    }
  });

  it("adds up", () => {
    const { parts, total_bytes } = predictMemory(presets.od1_small, {}, { engine: "cpu", threads: 2 });
    expect(Object.values(parts).reduce((a: number, b: number) => a + b, 0)).toBe(total_bytes);
  });

  it.each([
    ["10^12 slots", 10n ** 12n],
    ["10^30 slots", 10n ** 30n],
    ["10^4000 slots", 10n ** 4000n],
  ])("does not overflow for %s", (_, ring_len) => {
    for (const engine of ["reference", "cpu"] as const) {
      const prediction = predictMemory(smallSpec({ ring_len }), {}, { engine });
      expect(prediction.total_bytes).toBeGreaterThan(1e13);
      expect(() => requireMemory(prediction)).toThrow(/can be allocated here/);
    }
  });

  it("reports the error against what was held", () => {
    const prediction = predictMemory(presets.od1_small, {}, { engine: "cpu" });
    expect(predictionError(prediction, prediction.total_bytes / 2)).toBe(1);
    expect(predictionError(prediction, prediction.total_bytes)).toBe(0);
  });
});

const addon = loadAddon();

describe("the prediction for the cpu engine", () => {
  it.skipIf(addon.status !== "loaded")("is within 1 % of what the engine takes, small configurations aside", () => {
    const specs = [
      presets.od1_small,
      smallSpec({ ring_len: 300, slot_dim: 100, synth_len: 50, batch_size: 7, precision: "fp32" }),
      smallSpec({ ring_len: 9000, slot_dim: 33, synth_len: 20, batch_size: 5, ptr_dtype: "fp32" }),
    ];
    const options: Partial<RingOptions>[] = [
      {},
      { sensory_ring: false },
      { expert_heads: 7 },
      { sensory_len: 9, window_radius: 4 },
    ];
    for (const spec of specs) {
      for (const option of options) {
        for (const threads of [1, 3]) {
          const backend = createCpuBackend(ringConfig(spec, requireRingOptions(option)), { threads });
          const error = predictionError(predictMemory(spec, option, { engine: "cpu", threads }), backend.memoryBytes());
          backend.dispose();
          expect(Math.abs(error), JSON.stringify({ ...spec.ant_spec, ...option, threads })).toBeLessThan(0.01);
        }
      }
    }
  });
});

describe("requireMemory", () => {
  it("names what is needed and what there is", () => {
    const prediction = predictMemory(presets.od1_stress, {}, { engine: "cpu" });
    try {
      requireMemory(prediction, 1e6);
      expect.unreachable();
    } catch (error) {
      expect(isRingEngineError(error) && error.code).toBe("out_of_memory");
      expect(isRingEngineError(error) && error.details["predicted_bytes"]).toBe(prediction.total_bytes);
    }
    expect(() => requireMemory(prediction, prediction.total_bytes)).not.toThrow();
    expect(() => requireMemory(prediction, prediction.total_bytes, 1)).toThrow();
  });
});
