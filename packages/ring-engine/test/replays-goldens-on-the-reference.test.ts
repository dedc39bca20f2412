import { describe, expect, it } from "vitest";
import { replayGolden } from "../src/replay-golden.js";
import { goldenOf, goldenTexts, referenceEngine } from "./goldens.js";

describe("the reference engine replays the recorded runs", () => {
  it("has recordings to replay", () => {
    expect(goldenTexts.size).toBeGreaterThanOrEqual(4);
  });

  for (const [file, text] of goldenTexts) {
    it(`${file}: every step runs free and agrees, telemetry included`, async () => {
      const golden = goldenOf(text);
      const replay = await replayGolden(golden, referenceEngine);
      const tightest = golden.config.precision === "fp64" ? 1e-12 : 1e-4;
      expect(replay).toMatchObject({
        name: golden.name,
        engine: "reference",
        executed_precision: "fp64",
        mode: "free",
        compared_steps: 3,
        recorded_steps: 3,
        mismatches: [],
        notes: [],
        ok: true,
      });
      for (const error of Object.values(replay.max_rel_err)) expect(error).toBeLessThan(tightest);
      expect(replay.telemetry.length).toBe(18);
      for (const figure of replay.telemetry) expect(figure.rel_err, figure.name).toBeLessThan(1e-6);
    });
  }

  it("finds a single changed weight", async () => {
    const golden = goldenOf(goldenTexts.get("A_f64_tiny.json")!);
    const initial = golden.initial.slice();
    initial[40]! += 1e-6;
    const replay = await replayGolden({ ...golden, initial }, referenceEngine);
    expect(replay.ok).toBe(false);
    expect(replay.mode).toBe("free");
  });

  it("finds a gradient that should be null", async () => {
    const golden = goldenOf(goldenTexts.get("A_f64_tiny.json")!);
    const [first, ...rest] = golden.steps;
    const gradients = new Map(first!.gradients).set("context_logit", null);
    const replay = await replayGolden({ ...golden, steps: [{ ...first!, gradients }, ...rest] }, referenceEngine);
    expect(replay.ok).toBe(false);
    expect(replay.mismatches).toEqual(["step 0: gradient of context_logit: expected null, found one"]);
  });

  it.each(["A_f64_tiny.json", "E_f64_nosensory.json"])(
    "%s: finds a deviation of three times the tolerance in any step",
    async (file) => {
      const golden = goldenOf(goldenTexts.get(file)!);
      for (const index of golden.steps.keys()) {
        const steps = golden.steps.map((step, i) => {
          const off = i === index ? 1 + 3e-9 : 1;
          return { ...step, logits: step.logits.map((v) => v * off), loss: step.loss * off };
        });
        const replay = await replayGolden({ ...golden, steps }, referenceEngine);
        expect(replay).toMatchObject({ ok: false, compared_steps: 3 });
      }
    },
  );

  it("compares norms of gradients beside the gradients themselves", async () => {
    const golden = goldenOf(goldenTexts.get("A_f64_tiny.json")!);
    const [first, ...rest] = golden.steps;
    const gradient_norms = new Map(first!.gradient_norms).set("context_logit", 1);
    const replay = await replayGolden({ ...golden, steps: [{ ...first!, gradient_norms }, ...rest] }, referenceEngine);
    expect(replay.ok).toBe(false);
  });

  it.each(["A_f64_tiny.json", "E_f64_nosensory.json"])(
    "%s: finds a deviation of three times the tolerance in any step",
    async (file) => {
      const golden = goldenOf(goldenTexts.get(file)!);
      for (const index of golden.steps.keys()) {
        const steps = golden.steps.map((step, i) => {
          const off = i === index ? 1 + 3e-9 : 1;
          return { ...step, logits: step.logits.map((v) => v * off), loss: step.loss * off };
        });
        const replay = await replayGolden({ ...golden, steps }, referenceEngine);
        expect(replay).toMatchObject({ ok: false, compared_steps: 3 });
      }
    },
  );

  it("compares norms of gradients beside the gradients themselves", async () => {
    const golden = goldenOf(goldenTexts.get("A_f64_tiny.json")!);
    const [first, ...rest] = golden.steps;
    const gradient_norms = new Map(first!.gradient_norms).set("context_logit", 1);
    const replay = await replayGolden({ ...golden, steps: [{ ...first!, gradient_norms }, ...rest] }, referenceEngine);
    expect(replay.ok).toBe(false);
  });
});
