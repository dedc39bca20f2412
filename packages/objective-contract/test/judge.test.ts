import {
  OBJECTIVE_V1,
  type RunOutcome,
  defineContract,
  defineGate,
  gateResult,
  judge,
  runOutcome,
} from "@vrx/objective-contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completed, cuda, envOf, headerOf, recordOf, samplesOf } from "./support/runs.js";

const steady = (count: number): number[] => Array.from({ length: count }, () => 0.1);
const outcome = (changes: Partial<RunOutcome>): RunOutcome => runOutcome({ ...completed, ...changes });
const gateOf = (run: Parameters<typeof judge>[0], name: string) => judge(run).gates.find(({ gate }) => gate === name);

describe("a run that was measured in full", () => {
  it("passes, with the figures of the contract", () => {
    const verdict = judge(recordOf());
    expect(verdict).toMatchObject({
      status: "pass",
      stability_pass: true,
      fail_reasons: [],
      contract: "objective_contract_v1",
    });
    expect(verdict.metrics.measure_wall_time_s).toBeCloseTo(2, 9);
    expect(verdict.metrics.throughput_samples_per_s).toBeCloseTo(40, 6);
    expect(verdict.metrics.throughput_tokens_per_s).toBe(verdict.metrics.throughput_samples_per_s! * 128);
  });

  it("has VRAM gates that do not apply on a CPU and do not block", () => {
    expect(gateOf(recordOf(), "vram_guard")).toMatchObject({ outcome: "not_applicable" });
    expect(gateOf(recordOf(), "vram_stats_failed")).toMatchObject({ outcome: "not_applicable" });
  });

  it("is inconclusive below 20 measured steps, and conclusive at 20", () => {
    const header = headerOf({ measure_steps: 19 });
    const verdict = judge(recordOf({ header, samples: samplesOf([0.3, 0.1], steady(19)) }));
    expect(verdict).toMatchObject({ status: "inconclusive", stability_pass: false, fail_reasons: [] });
    expect(verdict.inconclusive_reasons.map(({ code }) => code)).toEqual(["gate_cannot_fire"]);
  });

  it("is inconclusive when a loss is not known", () => {
    const verdict = judge(recordOf({ samples: samplesOf([0.1, 0.1], steady(20), { loss: null }) }));
    expect(verdict.status).toBe("inconclusive");
    expect(verdict.gates[0]).toMatchObject({ gate: "nan_or_inf", outcome: "no_evidence" });
  });
});

describe("the gates", () => {
  it.each([NaN, Infinity, -Infinity])("fails a loss of %s, in the warm-up too", (loss) => {
    const samples = recordOf().samples.map((sample, index) => (index === 0 ? { ...sample, loss } : sample));
    const verdict = judge(recordOf({ samples }));
    expect(verdict.fail_reasons).toEqual(["nan_or_inf"]);
    expect(verdict.metrics).toMatchObject({ had_nan: Number.isNaN(loss), had_inf: !Number.isNaN(loss) });
  });

  it("fails missing step times, and gives no throughput", () => {
    const verdict = judge(recordOf({ samples: samplesOf([0.1, 0.1], steady(18)) }));
    expect(verdict.fail_reasons).toEqual(["timing_missing"]);
    expect(verdict.metrics.throughput_samples_per_s).toBeNull();
    expect(verdict.metrics.reasons["throughput_samples_per_s"]).toContain("18 of 20");
  });

  it("fails both ways when the measured steps break off at a loss that is not finite", () => {
    const samples = samplesOf([0.1, 0.1], steady(5)).map((s, i) => (i === 6 ? { ...s, loss: NaN } : s));
    const broke = judge(recordOf({ samples, outcome: outcome({ status: "failed", stop_reason: "nan_or_inf" }) }));
    expect(broke.fail_reasons).toEqual(["nan_or_inf", "timing_missing"]);
  });

  it("explodes strictly above 2.5 medians", () => {
    const at = (slow: number) =>
      judge(recordOf({ samples: samplesOf([1, 1], [...Array.from({ length: 18 }, () => 1), slow, slow]) }));
    expect(at(2.5).status).toBe("pass");
    expect(at(2.500001).fail_reasons).toEqual(["step_time_explosion"]);
  });

  it("explodes on few steps too, when the rule is broken", () => {
    const header = headerOf({ measure_steps: 10 });
    const verdict = judge(recordOf({ header, samples: samplesOf([1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 9, 9]) }));
    expect(verdict.fail_reasons).toEqual(["step_time_explosion"]);
  });

  it("cannot take a ratio to a median of 0", () => {
    const samples = samplesOf(
      [0, 0],
      Array.from({ length: 20 }, () => 0),
    );
    expect(gateOf(recordOf({ samples }), "step_time_explosion")).toMatchObject({ outcome: "cannot_fire" });
    expect(judge(recordOf({ samples })).metrics.throughput_samples_per_s).toBeNull();
  });

  it("guards VRAM strictly above the floor of ratio times total", () => {
    const header = headerOf({ device: cuda });
    const total = 1001;
    const at = (reserved: number | null) =>
      judge(
        recordOf({
          header,
          env: envOf({ total_vram_bytes: total }),
          outcome: outcome({ peak_vram_reserved_bytes: reserved }),
        }),
      );
    expect(Math.floor(0.92 * total)).toBe(920);
    expect(at(920).status).toBe("pass");
    expect(at(921).fail_reasons).toEqual(["vram_guard"]);
    expect(at(null)).toMatchObject({ status: "inconclusive", fail_reasons: [] });
  });

  it("takes the peak from the samples when the device did not tell it, as after running out of memory", () => {
    const header = headerOf({ device: cuda });
    const samples = samplesOf([0.1, 0.1], steady(20), { vram_reserved_bytes: 950 });
    const verdict = judge(recordOf({ header, samples, env: envOf({ total_vram_bytes: 1000 }) }));
    expect(verdict.metrics.peak_vram_reserved_bytes).toBe(950);
    expect(verdict.fail_reasons).toEqual(["vram_guard"]);
  });

  it("fails when the device refused to tell its memory", () => {
    const header = headerOf({ device: cuda });
    const refused = outcome({ vram_stats_error: "driver said no" });
    expect(judge(recordOf({ header, outcome: refused })).fail_reasons).toEqual(["vram_stats_failed"]);
  });

  it("fails a stall", () => {
    const stall = { threshold_s: 60, last_progress_age_s: 61, phase: "set_up" } as const;
    const verdict = judge(
      recordOf({ samples: [], outcome: outcome({ status: "stalled", stop_reason: "no_progress", stall }) }),
    );
    expect(verdict.fail_reasons).toEqual(["heartbeat_stall"]);
    expect(verdict.gates.find(({ gate }) => gate === "heartbeat_stall")).toMatchObject({
      value: 61,
      limit: 60,
      unit: "s",
    });
  });

  it("has no evidence of a heartbeat that nobody watched, or that was laxer than the contract", () => {
    expect(judge(recordOf({ header: headerOf({ heartbeat: null }) })).status).toBe("inconclusive");
    expect(judge(recordOf({ header: headerOf({ heartbeat: { floor_s: 61 } }) })).status).toBe("inconclusive");
    expect(judge(recordOf({ header: headerOf({ heartbeat: { floor_s: 1 } }) })).status).toBe("pass");
  });

  it.each([
    ["CUDA Out Of Memory. Tried to allocate", ["runtime_exception", "oom"]],
    ["cuda oom", ["runtime_exception", "oom"]],
    ["out of luck", ["runtime_exception"]],
  ])("tells %j apart", (message, reasons) => {
    const threw = outcome({ status: "failed", stop_reason: "exception", exception: { type: "RuntimeError", message } });
    const verdict = judge(recordOf({ samples: [], outcome: threw }));
    expect(verdict.fail_reasons).toEqual(reasons);
    expect(verdict.metrics.had_oom).toBe(reasons.includes("oom"));
  });
});

describe("precedence", () => {
  it("is inconclusive when the run was interrupted, however complete its samples are", () => {
    expect(judge(recordOf({ outcome: outcome({ status: "interrupted", stop_reason: "sigint" }) })).status).toBe(
      "inconclusive",
    );
  });

  it("is inconclusive when nobody knows the executed precision", () => {
    expect(judge(recordOf({ outcome: outcome({ executed: null }) })).status).toBe("inconclusive");
  });

  it.each([
    { precision: "fp16", amp: false },
    { precision: "fp32", amp: true },
  ] as const)("is invalid when %j was executed instead of fp32", (executed) => {
    const verdict = judge(recordOf({ outcome: outcome({ executed }) }));
    expect(verdict).toMatchObject({ status: "invalid", stability_pass: false, fail_reasons: [] });
    expect(verdict.invalid_reasons[0]?.code).toBe("precision_not_executed");
  });

  it.each([
    { precision: "fp16", amp: true, pass: true },
    { precision: "bf16", amp: true, pass: true },
    { precision: "amp", amp: true, pass: true },
    { precision: "fp16", amp: false, pass: false },
    { precision: "fp32", amp: false, pass: false },
  ] as const)("takes mixed precision in any low format for amp: %j", ({ pass, ...executed }) => {
    const header = { ...headerOf(), precision: "amp" as const, amp: true };
    const { invalid_reasons } = judge(recordOf({ header, outcome: outcome({ executed }) }));
    expect(invalid_reasons.map(({ code }) => code)).toEqual(pass ? [] : ["precision_not_executed"]);
  });

  it("never passes a simulated device", () => {
    const header = headerOf({ device: { kind: "cpu", name: "fake", simulated: true } });
    expect(judge(recordOf({ header })).status).toBe("invalid");
  });

  it("fails rather than being invalid, and lists both", () => {
    const verdict = judge(
      recordOf({
        outcome: outcome({ executed: { precision: "bf16", amp: true }, exception: { type: "E", message: "x" } }),
      }),
    );
    expect(verdict.status).toBe("fail");
    expect(verdict.invalid_reasons).toHaveLength(1);
  });

  it("is invalid when the VRAM guard ratio is not one the contract allows", () => {
    const header = { ...headerOf(), vram_guard_ratio: 0.95 };
    expect(judge(recordOf({ header })).invalid_reasons[0]?.code).toBe("vram_guard_ratio_out_of_range");
  });

  it("is invalid when step times add up to more than the wall time", () => {
    const samples = recordOf().samples.map((sample) => ({ ...sample, time_s: sample.time_s * 3 }));
    expect(judge(recordOf({ samples })).invalid_reasons[0]?.code).toBe("timing_inconsistent");
  });

  it("finds samples that are out of order", () => {
    const { samples } = recordOf();
    fc.assert(
      fc.property(fc.shuffledSubarray([...samples.keys()], { minLength: samples.length }), (order) => {
        fc.pre(order.some((from, to) => from !== to));
        const verdict = judge(recordOf({ samples: order.map((index) => samples[index]!) }));
        expect(verdict.status).toBe("invalid");
        expect(verdict.invalid_reasons.map(({ code }) => code)).toContain("samples_out_of_order");
      }),
    );
  });
});

describe("contracts of one's own", () => {
  const always = (name: string, said: Parameters<typeof gateResult>[0]) =>
    defineGate({ name, rule: "A test.", evaluate: () => gateResult(said, "so it is") });

  it("never get a better verdict by one more gate that fails", () => {
    const rank = { pass: 3, inconclusive: 2, invalid: 1, fail: 0 };
    const said = fc.constantFrom("pass", "fail", "cannot_fire", "no_evidence", "not_applicable" as const);
    const run = fc.record({
      outcome: fc.record({
        status: fc.constantFrom("completed", "failed", "stalled", "interrupted" as const),
        executed: fc.constantFrom(
          null,
          { precision: "fp32", amp: false } as const,
          { precision: "fp16", amp: true } as const,
        ),
      }),
      count: fc.integer({ min: 0, max: 25 }),
    });
    fc.assert(
      fc.property(run, fc.array(said, { maxLength: 4 }), ({ outcome: changes, count }, outcomes) => {
        const record = recordOf({ samples: samplesOf([0.1, 0.1], steady(count)), outcome: outcome(changes) });
        const gates = [...OBJECTIVE_V1.gates, ...outcomes.map((what, index) => always(`own_${index}`, what))];
        const without = judge(record, defineContract({ ...OBJECTIVE_V1, name: "own", gates }));
        const with_ = judge(
          record,
          defineContract({ ...OBJECTIVE_V1, name: "own", gates: [...gates, always("no", "fail")] }),
        );
        expect(with_.status).toBe("fail");
        expect(rank[with_.status]).toBeLessThanOrEqual(rank[without.status]);
        expect(with_.stability_pass).toBe(false);
        expect(without.stability_pass).toBe(without.status === "pass");
      }),
    );
  });

  it("have no evidence from a gate that throws", () => {
    const broken = defineGate({
      name: "broken",
      rule: "A test.",
      evaluate: () => {
        throw new Error("oh");
      },
    });
    const verdict = judge(recordOf(), defineContract({ ...OBJECTIVE_V1, name: "own", gates: [broken] }));
    expect(verdict.status).toBe("inconclusive");
    expect(verdict.gates[0]?.reason).toContain("oh");
  });

  it.each([
    ["a gate twice", { gates: [always("a", "pass"), always("a", "pass")] }],
    ["no gate", { gates: [] }],
    ["no name", { name: "" }],
    ["a range upside down", { vram_guard_ratio: { min: 0.9, max: 0.8, default: 0.85 } }],
  ])("are refused with %s", (_what, changes) => {
    expect(() => defineContract({ ...OBJECTIVE_V1, name: "own", ...changes })).toThrow(/cannot be used/);
  });

  it("refuse a gate whose name is no reason code", () => {
    expect(() => always("Not Good", "pass")).toThrow(/a-z/);
  });
});

describe("evidence", () => {
  it("is E2 with everything that reproduces the run, E1 without, none without a pass", () => {
    expect(judge(recordOf()).evidence).toEqual({ level: "E2", missing: [] });
    expect(judge(recordOf({ env: envOf({ git_dirty: 1 }) })).evidence).toEqual({
      level: "E1",
      missing: ["the working tree has changes"],
    });
    expect(judge(recordOf({ outcome: outcome({ executed: null }) })).evidence.level).toBeNull();
  });
});
