import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AntRatioPacket,
  type Rankable,
  groupByConfiguration,
  planTokenBudget,
  rankable,
  summarise,
  tierOf,
} from "../src/index.js";
import { samplePacket, twoSeeds } from "./report/sample-packets.js";

const codes = (verdict: Rankable): readonly string[] =>
  verdict.status === "rankable" ? [] : verdict.reasons.map(({ code }) => code);

/** Two seeds of one configuration, with a fact taken away. */
function without(key: string): AntRatioPacket[] {
  return twoSeeds().map(({ vrx, ...packet }) => ({
    ...packet,
    vrx: Object.fromEntries(Object.entries(vrx ?? {}).filter(([name]) => name !== key)),
  }));
}

describe("a configuration may be ranked", () => {
  it("with passing gates, a separate set, two seeds above chance and its budget kept", () => {
    expect(rankable(twoSeeds())).toEqual({ status: "rankable", seeds: [1, 2] });
  });

  it.each([
    ["a gate failed", twoSeeds({ stability_pass: false, fail_reasons: ["oom"] }), "gates_not_passed"],
    ["its own verdict is not pass", twoSeeds({}, { verdict: "inconclusive" }), "verdict_not_pass"],
    ["it ran on a stand-in", twoSeeds({}, { simulated: true }), "simulated"],
    ["the sets overlap", twoSeeds({ assoc_eval_disjoint: false }), "evaluation_not_separate"],
    ["nobody says whether they do", twoSeeds({ assoc_eval_disjoint: null }), "evaluation_not_separate"],
    ["chance is not stated", without("assoc_chance_accuracy"), "chance_unknown"],
    ["the trained tokens are not stated", without("assoc_ring_tokens"), "budget_unknown"],
    ["there was no budget", twoSeeds({ token_budget: null }), "budget_unknown"],
    ["2 % too little was trained", twoSeeds({}, { assoc_ring_tokens: 125_440 }), "budget_missed"],
    ["2 % too much was trained", twoSeeds({}, { assoc_ring_tokens: 130_560 }), "budget_missed"],
  ])("but not when %s", (_, packets, code) => {
    expect(codes(rankable(packets))).toContain(code);
  });

  it("but not on one seed, on the same seed twice, or on seeds nobody names", () => {
    expect(codes(rankable([samplePacket()]))).toEqual(["too_few_seeds"]);
    expect(codes(rankable([samplePacket(), samplePacket()]))).toEqual(["too_few_seeds"]);
    expect(codes(rankable(without("assoc_seed")))).toEqual(["too_few_seeds"]);
    expect(codes(rankable([]))).toEqual(["no_packet"]);
    expect(rankable([samplePacket()], { min_seeds: 1 }).status).toBe("rankable");
  });

  it("but not by luck: the lower bound counts, and a missing accuracy is no zero", () => {
    // 280 of 1,000 at a chance of 0.25: the interval begins below it.
    expect(codes(rankable(twoSeeds({ assoc_byte_disjoint_accuracy: 0.27 })))).toEqual([
      "not_above_chance",
      "too_few_seeds",
    ]);
    expect(rankable(twoSeeds({ assoc_byte_disjoint_accuracy: 0.29 })).status).toBe("rankable");
    expect(codes(rankable(twoSeeds({ assoc_byte_disjoint_accuracy: null })))).toEqual([
      "capability_missing",
      "too_few_seeds",
    ]);
    // The published points: 34 hits of 6,656 at 1 in 256.
    const noise = { assoc_byte_disjoint_accuracy: 34 / 6656, assoc_eval_n: 6656 };
    expect(codes(rankable(twoSeeds(noise, { assoc_chance_accuracy: 1 / 256 })))).toContain("not_above_chance");
    // A third seed that failed to learn takes nothing from two that did.
    const three = [...twoSeeds(), samplePacket({ assoc_byte_disjoint_accuracy: 0.2 }, { assoc_seed: 3 })];
    expect(rankable(three)).toEqual({ status: "rankable", seeds: [1, 2] });
  });

  it("is never made rankable by taking evidence away", () => {
    const keys = Object.keys(samplePacket());
    fc.assert(
      fc.property(fc.subarray(keys.filter((key) => key !== "vrx" && key !== "stability_pass")), (gone) => {
        const packets = twoSeeds({ assoc_byte_disjoint_accuracy: 0.2 }).map((packet) => ({
          ...packet,
          ...Object.fromEntries(gone.map((key) => [key, null])),
        }));
        expect(rankable(packets as AntRatioPacket[]).status).toBe("not_rankable");
      }),
    );
  });
});

describe("packets of one configuration", () => {
  it("differ in seed and provenance alone", () => {
    const packets = [...twoSeeds(), ...twoSeeds({ batch_size: 8 }), ...twoSeeds({}, { host: "another" })];
    expect([...groupByConfiguration(packets).values()].map(({ length }) => length)).toEqual([2, 2, 2]);
  });
});

describe("the summary", () => {
  it("has the derived columns, null where a divisor is missing or 0", () => {
    const [row] = summarise([
      samplePacket({
        vram_ratio_reserved: 0.8,
        throughput_tokens_per_s: 1000,
        assoc_byte_disjoint_accuracy: 0.5,
        ant_body_cells: 2 * 524_288,
        ant_body_scale_vs_small: 2,
      }),
    ]);
    expect(row).toMatchObject({
      ant_body_scale_vs_small: 2,
      tokens_per_vram_ratio: 1250,
      assoc_acc_per_token_per_s: 0.0005,
      assoc_acc_per_vram_ratio: 0.625,
      probe_pass: true,
      rankable: false,
    });
    expect(row?.vram_target_abs_error).toBeCloseTo(0.05, 12);
    expect(row?.not_rankable_because).toContain("of at least 2 seeds");
    const [empty] = summarise([samplePacket({ vram_ratio_reserved: 0, throughput_tokens_per_s: 0 })]);
    expect(empty).toMatchObject({
      tokens_per_vram_ratio: null,
      assoc_acc_per_token_per_s: null,
      assoc_acc_per_vram_ratio: null,
    });
    const [unknown] = summarise([samplePacket({ assoc_byte_disjoint_accuracy: null })]);
    expect(unknown).toMatchObject({
      vram_target_abs_error: null,
      assoc_accuracy_low: null,
      assoc_acc_per_vram_ratio: null,
    });
    const [other] = summarise([samplePacket({ vram_ratio_reserved: 0.8 })], { vram_target: 0.8 });
    expect(other?.vram_target_abs_error).toBe(0);
  });

  it("keeps every packet, in order, ranked or not", () => {
    const packets = [...twoSeeds(), samplePacket({ stability_pass: false, batch_size: 3 })];
    expect(summarise(packets).map((row) => row.rankable)).toEqual([true, true, false]);
  });
});

describe("tiers and budgets", () => {
  it("tiers go by the size", () => {
    expect([tierOf(2048, 256), tierOf(8192, 576), tierOf(16384, 768), tierOf(2048, 257)]).toEqual([
      "small",
      "real",
      "stress",
      "custom",
    ]);
  });

  it("a plan is within 1 % of its budget or is none", () => {
    const count = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), count, count, (ring_tokens, batch_size, seq_len) => {
        const step = batch_size * seq_len;
        const nearest = Math.max(1, Math.round(ring_tokens / step)) * step;
        try {
          const plan = planTokenBudget({ ring_tokens, batch_size, seq_len });
          expect(plan).toMatchObject({ ring_tokens: nearest, tokens_per_step: step, steps: nearest / step });
          expect(Math.abs(plan.deviation)).toBeLessThanOrEqual(0.01);
        } catch (error) {
          expect(error).toMatchObject({ code: "budget_not_met" });
          expect(Math.abs(nearest - ring_tokens) / ring_tokens).toBeGreaterThan(0.01);
        }
      }),
    );
    expect(() => planTokenBudget({ ring_tokens: 0, batch_size: 1, seq_len: 1 })).toThrow("ring_tokens: expected");
  });
});
