import { describe, expect, it } from "vitest";
import type { RingBackend, RingConfig } from "../src/backend.js";
import { createReferenceBackend } from "../src/reference-backend.js";
import { type GoldenEngine, replayGolden } from "../src/replay-golden.js";
import { goldenOf, referenceEngine } from "./goldens.js";
import { recordGolden } from "./record-golden.js";
import { smallConfig } from "./small-config.js";

/** An engine whose parameters are off by about one rounding of float32, as another implementation's would be. */
const roundingEngine: GoldenEngine = {
  ...referenceEngine,
  createBackend: (config): RingBackend => {
    const backend = createReferenceBackend(config);
    return {
      ...backend,
      writeParameters: (values) =>
        backend.writeParameters(values.map((v, i) => v * (1 + (i % 2 === 0 ? 6e-8 : -6e-8)))),
    };
  },
};

describe("runs recorded from the reference replay", () => {
  it.each<[string, Partial<RingConfig>]>([
    ["with the delay line at work", { synth_len: 12, sensory_len: 3, expert_heads: 2 }],
    ["with the state loop", { state_loop_samples: 2, synth_len: 8 }],
    ["with 256 classes on a larger ring", { num_classes: 256, ring_len: 256 }],
    ["with more heads than slots", { ring_len: 3, expert_heads: 5, batch_size: 4 }],
    ["with a single slot", { ring_len: 1 }],
    ["without the sensory stage", { sensory_ring: false }],
  ])("%s", async (_, changes) => {
    const golden = goldenOf(await recordGolden(smallConfig(changes), 4, 3));
    const replay = await replayGolden(golden, referenceEngine);
    expect(replay).toMatchObject({ mode: "free", compared_steps: 3, notes: [], mismatches: [], ok: true });
    expect(replay.max_rel_err).toMatchObject({ logits: 0, loss: 0, grads: 0, trace: 0 });
    expect(replay.max_rel_err.params).toBeLessThan(1e-14);
    const watched = replay.telemetry.filter(({ name }) => name.startsWith("state_loop."));
    expect(watched.length).toBe(golden.config.state_loop_samples > 0 ? 15 : 0);
    expect(replay.telemetry.every(({ rel_err }) => rel_err === 0)).toBe(true);
  });
});

describe("a recording with chaotic pointers", () => {
  const chaotic = smallConfig({
    ring_len: 128,
    slot_dim: 16,
    synth_len: 64,
    sensory_len: 64,
    num_classes: 256,
    precision: "fp32",
    ptr_dtype: "fp32",
  });

  it("is compared in its first step, forced to the recorded pointers, and says so", async () => {
    const golden = goldenOf(await recordGolden(chaotic, 2, 3));
    const replay = await replayGolden(golden, roundingEngine);
    expect(replay).toMatchObject({
      mode: "teacher_forced",
      compared_steps: 1,
      recorded_steps: 3,
      ok: true,
      mismatches: [],
    });
    expect(replay.notes.join("\n")).toMatch(/teacher-forced[^]*2 later step/);
  });

  it("still finds a pointer update that is wrong", async () => {
    const golden = goldenOf(await recordGolden(chaotic, 2, 3));
    const replay = await replayGolden(golden, {
      ...referenceEngine,
      createBackend: (config) => createReferenceBackend({ ...config, deadzone_tau: 0.3 }),
    });
    expect(replay.mode).toBe("teacher_forced");
    expect(replay.ok).toBe(false);
    expect(replay.max_rel_err.trace).toBeGreaterThan(1e-3);
  });

  it("still finds gradients that are wrong", async () => {
    const golden = goldenOf(await recordGolden(chaotic, 2, 3));
    const replay = await replayGolden(golden, {
      ...roundingEngine,
      createBackend: (config) => {
        const backend = createReferenceBackend(config);
        return {
          ...backend,
          readGradients: () => {
            const { values, present } = backend.readGradients();
            return { values: values.map((v) => v * 1.01), present };
          },
        };
      },
    });
    expect(replay.ok).toBe(false);
  });
});
