import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RingConfig } from "../src/backend.js";
import { initialParameters } from "../src/initial-parameters.js";
import { randomStream } from "../src/random.js";
import { createReferenceBackend } from "../src/reference-backend.js";
import { ringBatch, stateLoopProjection } from "../src/ring-batch.js";
import { type Decisions, independentLoss } from "./independent-model.js";
import { randomConfig } from "./random-config.js";
import { smallConfig } from "./small-config.js";

/** Initial values, with the zero biases moved off zero: a gradient at zero could be right by accident. */
function livelyParameters(config: RingConfig, seed: number): Float64Array {
  const stream = randomStream(seed, "initial_values", "noise");
  return initialParameters(config, seed).map((value, i) => value + 0.3 * stream.normal(i));
}

async function checkGradients(config: RingConfig, seed: number): Promise<void> {
  const parameters = livelyParameters(config, seed);
  const batch = ringBatch(config, seed, 0);
  const backend = createReferenceBackend(config);
  backend.writeParameters(parameters);
  const { loss } = await backend.run({
    batch,
    mode: "gradients",
    state_loop_projection: stateLoopProjection(config, seed),
  });
  const decisions: Decisions = new Map();
  expect(Math.abs(independentLoss(config, parameters, batch, decisions) - loss)).toBeLessThan(
    1e-11 * Math.max(1, loss),
  );

  const { values, present } = backend.readGradients();
  const direction = randomStream(seed, "initial_values", "direction");
  for (const [index, { name, offset, length }] of backend.parameters.entries()) {
    const lossAt = (h: number): number => {
      const moved = parameters.slice();
      for (let i = offset; i < offset + length; i++) moved[i]! += h * direction.normal(i);
      return independentLoss(config, moved, batch, decisions);
    };
    const h = 1e-4;
    // Richardson: the error of the central difference is of order h^4.
    const slope = (8 * (lossAt(h / 2) - lossAt(-h / 2)) - (lossAt(h) - lossAt(-h))) / (6 * h);
    let expected = 0;
    for (let i = offset; i < offset + length; i++) expected += values[i]! * direction.normal(i);
    expect(Math.abs(slope - expected), `${name}: ${slope} by differences, ${expected} by the engine`).toBeLessThan(
      2e-8 + 1e-6 * Math.abs(expected),
    );
    if (present[index] === false) expect(expected).toBe(0);
  }
}

describe("the reference engine's loss and gradients", () => {
  it("match a second forward pass and its finite differences on random small configurations", async () => {
    await fc.assert(
      fc.asyncProperty(randomConfig, fc.integer({ min: 0, max: 1e6 }), async (config, seed) =>
        checkGradients(config, seed),
      ),
      { numRuns: 120, seed: 20240611 },
    );
  });

  it.each<[string, Partial<RingConfig>]>([
    ["a delay line shorter than the sequence", { synth_len: 12, sensory_len: 3 }],
    ["a delay of one step", { synth_len: 6, sensory_len: 1 }],
    ["256 classes", { num_classes: 256 }],
    ["more heads than slots", { ring_len: 3, expert_heads: 8, batch_size: 4 }],
    ["a ring of one slot", { ring_len: 1 }],
    ["a ring of two slots", { ring_len: 2 }],
    ["a ring of three slots", { ring_len: 3 }],
    ["a ring of four slots", { ring_len: 4 }],
    ["a single time step", { synth_len: 1 }],
    ["the state loop", { state_loop_samples: 2 }],
    ["a pointer that moves every third step", { ptr_update_every: 3, synth_len: 8 }],
    ["no sensory stage", { sensory_ring: false }],
  ])("match with %s", async (_, changes) => {
    for (const seed of [1, 2, 3]) await checkGradients(smallConfig(changes), seed);
  });
});

describe("which parameters get gradients", () => {
  const presence = async (changes: Partial<RingConfig>): Promise<ReadonlyMap<string, boolean>> => {
    const config = smallConfig(changes);
    const backend = createReferenceBackend(config);
    backend.writeParameters(initialParameters(config, 1));
    await backend.run({ batch: ringBatch(config, 1, 0), mode: "train" });
    const { present } = backend.readGradients();
    return new Map(backend.parameters.map(({ name }, i) => [name, present[i]!]));
  };

  it("skips the plain input when the sensory stage feeds the ring", async () => {
    expect((await presence({})).get("input_proj.weight")).toBe(false);
    expect((await presence({ sensory_ring: false })).get("input_proj.weight")).toBe(true);
  });

  it("skips the pointer's heads when there is no later time step to steer", async () => {
    expect((await presence({ synth_len: 1 })).get("walk_head.weight")).toBe(false);
    expect((await presence({ synth_len: 2 })).get("walk_head.weight")).toBe(true);
  });

  it("skips expert heads that no sample used, and counts updates per parameter", async () => {
    const config = smallConfig({ ring_len: 12, expert_heads: 6, batch_size: 1 });
    const backend = createReferenceBackend(config);
    backend.writeParameters(initialParameters(config, 1));
    const used: number[] = [];
    for (let step = 0; step < 4; step++) {
      const { last_pointer_slot } = await backend.run({ batch: ringBatch(config, 1, step), mode: "train" });
      used.push(last_pointer_slot[0]! % 6);
    }
    const { updates } = backend.readOptimizer();
    const initial = initialParameters(config, 1);
    for (const [i, { name, offset, length }] of backend.parameters.entries()) {
      const head = /^head\.experts\.(\d)/.exec(name)?.[1];
      const expected = head === undefined ? 4 : used.filter((index) => index === Number(head)).length;
      if (!name.startsWith("input_proj")) expect(updates[i], name).toBe(expected);
      const now = backend.readParameters().subarray(offset, offset + length);
      if (updates[i] === 0) expect([...now], name).toEqual([...initial.subarray(offset, offset + length)]);
    }
    expect(new Set(used).size).toBeLessThan(6);
  });
});
