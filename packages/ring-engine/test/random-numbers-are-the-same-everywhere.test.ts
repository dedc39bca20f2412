import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isRingEngineError } from "../src/errors.js";
import { initialParameters } from "../src/initial-parameters.js";
import { exactLog, normalQuantile } from "../src/internal/exact-normal.js";
import { philox4x32 } from "../src/internal/philox.js";
import { parameterLayout } from "../src/parameters.js";
import { randomStream } from "../src/random.js";
import { ringBatch, stateLoopProjection } from "../src/ring-batch.js";
import { smallConfig } from "./small-config.js";

const hex = (words: readonly number[]): string => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("the generator", () => {
  // Known answers published with the algorithm (Random123, kat_vectors).
  it.each([
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ] as const)("gives the published words for %j", (counter, key, expected) => {
    const words = new Uint32Array(4);
    const [[c0, c1, c2, c3], [k0, k1]] = [counter, key];
    philox4x32(words, c0, c1, c2, c3, k0, k1);
    expect(hex([...words])).toBe(expected);
  });

  it("gives a number by its index, in any order", () => {
    const forward = Array.from({ length: 20 }, (_, i) => randomStream(7, "data", 3).normal(i));
    const stream = randomStream(7, "data", 3);
    const backward = Array.from({ length: 20 }, (_, i) => stream.normal(19 - i)).reverse();
    expect(backward).toEqual(forward);
  });

  it("gives each purpose, step, parameter name and seed its own numbers", () => {
    const streams = [
      randomStream(1, "data", 0),
      randomStream(1, "data", 1),
      randomStream(1, "labels", 0),
      randomStream(1, "initial_values", "gru.weight_ih"),
      randomStream(1, "initial_values", "gru.weight_hh"),
      randomStream(2, "data", 0),
      randomStream(1 + 2 ** 32, "data", 0),
    ];
    expect(new Set(streams.map((stream) => stream.uniform(0))).size).toBe(streams.length);
  });

  it.each([-1, 0.5, 2 ** 53, NaN])("refuses the seed %d", (seed) => {
    try {
      randomStream(seed, "data", 0);
      expect.unreachable();
    } catch (error) {
      expect(isRingEngineError(error) && error.code).toBe("invalid_argument");
    }
  });
});

describe("the normal transform", () => {
  // From Python's statistics.NormalDist().inv_cdf.
  it.each([
    [1e-300, -37.0471],
    [1e-12, -7.034483825301131],
    [0.001, -3.090232306167814],
    [0.025, -1.9599639845400543],
    [0.3, -0.5244005127080409],
    [0.5, 0],
    [0.9, 1.2815515655446006],
    [0.999999, 4.753424308817087],
  ])("has the quantile of %d", (p, expected) => {
    expect(Math.abs(normalQuantile(p) - expected)).toBeLessThan(
      p < 1e-200 ? 1e-4 : 2e-15 * Math.abs(expected) + 1e-300,
    );
  });

  it("has a logarithm within two units in the last place", () => {
    for (let i = 1; i < 2000; i++) {
      const x = i * i * 7.3e-7;
      expect(Math.abs(exactLog(x) - Math.log(x))).toBeLessThanOrEqual(
        2 * Number.EPSILON * Math.max(1, Math.abs(Math.log(x))),
      );
    }
  });

  it("has mean 0, variance 1 and the tails of a normal distribution", () => {
    const stream = randomStream(11, "data", 0);
    const values = Array.from({ length: 40_000 }, (_, i) => stream.normal(i));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    const beyondTwo = values.filter((value) => Math.abs(value) > 2).length / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
    expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(0.005);
  });
});

describe("initial values", () => {
  const config = smallConfig({ ring_len: 40, slot_dim: 24, expert_heads: 3 });
  const values = initialParameters(config, 5);
  const of = (name: string): Float64Array => {
    const slot = parameterLayout(config).find((candidate) => candidate.name === name)!;
    return values.subarray(slot.offset, slot.offset + slot.length);
  };

  it("follows the table of the workload", () => {
    expect(Math.max(...of("theta_ptr_reduced").map(Math.abs))).toBeGreaterThan(3);
    expect(Math.max(...of("theta_ptr_reduced").map(Math.abs))).toBeLessThanOrEqual(4);
    expect(Math.max(...of("theta_gate_reduced").map(Math.abs))).toBeLessThanOrEqual(0.5);
    expect(of("context_logit")[0]).toBe(Math.fround(Math.log(0.2 / 0.8)));
    expect([...new Set(of("gru.bias_ih"))]).toEqual([Math.fround(0.5 - 0.3 * 0.2)]);
    const deviation = Math.sqrt(of("gru.weight_ih").reduce((sum, v) => sum + v * v, 0) / of("gru.weight_ih").length);
    expect(Math.abs(deviation - 0.09)).toBeLessThan(0.005);
    expect(Math.max(...of("head.experts.2.weight").map(Math.abs))).toBeLessThanOrEqual(
      Math.sqrt(6 / (config.num_classes + 24)),
    );
    expect([...new Set(of("head.experts.2.bias"))]).toEqual([0]);
    expect(
      Math.max(...of("inertia_head.bias").map(Math.abs), ...of("walk_head.weight").map(Math.abs)),
    ).toBeLessThanOrEqual(1 / Math.sqrt(24));
    expect(of("walk_head.bias")[0]).not.toBe(0);
  });

  it("keeps the values of a parameter when other parts of the model are switched off", () => {
    const without = { ...config, sensory_ring: false };
    const slot = parameterLayout(without).find(({ name }) => name === "gru.weight_ih")!;
    const others = initialParameters(without, 5);
    expect([...others.subarray(slot.offset, slot.offset + slot.length)]).toEqual([...of("gru.weight_ih")]);
  });

  it("uses numbers that float32 has", () => {
    expect([...values].every((value) => Math.fround(value) === value)).toBe(true);
  });

  it("has not changed: these digests pin every bit", () => {
    const digest = (data: Float64Array | Int32Array): string =>
      createHash("sha256").update(data).digest("hex").slice(0, 16);
    const batch = ringBatch(config, 5, 2);
    expect({
      initial: digest(values),
      x: digest(batch.x),
      y: digest(batch.y),
      pointers: digest(batch.pointer_unit),
      projection: digest(stateLoopProjection(config, 5)),
    }).toMatchInlineSnapshot(`
      {
        "initial": "e2cb0bc3a0ab2e85",
        "pointers": "bc4e0d5c220d6df3",
        "projection": "aa2fd570096160b7",
        "x": "6694bfb9c6856fd2",
        "y": "af5570f5a1810b7a",
      }
    `);
  });
});

describe("batches", () => {
  const config = { batch_size: 8, synth_len: 16, num_classes: 10 };

  it("repeats for the same seed and step and differs between steps", () => {
    expect(ringBatch(config, 1, 4)).toEqual(ringBatch(config, 1, 4));
    expect(ringBatch(config, 1, 4).x).not.toEqual(ringBatch(config, 1, 5).x);
    expect(ringBatch(config, 1, 4).pointer_unit).not.toEqual(ringBatch(config, 2, 4).pointer_unit);
  });

  it("stays within its domains and reaches every class", () => {
    const batches = Array.from({ length: 40 }, (_, step) => ringBatch(config, 9, step));
    const labels = new Set(batches.flatMap(({ y }) => [...y]));
    expect([...labels].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches.every(({ pointer_unit }) => pointer_unit.every((unit) => unit >= 0 && unit < 1))).toBe(true);
    expect(batches.every(({ x }) => x.every((value) => Number.isFinite(value) && Math.fround(value) === value))).toBe(
      true,
    );
  });

  it("has projection columns of unit length", () => {
    const [D, dim] = [12, 8];
    const projection = stateLoopProjection({ slot_dim: D, state_loop_dim: dim }, 3);
    for (let column = 0; column < dim; column++) {
      let square = 0;
      for (let d = 0; d < D; d++) square += projection[d * dim + column]! ** 2;
      expect(Math.abs(square - 1)).toBeLessThan(1e-6);
    }
  });
});
