import { describe, expect, it } from "vitest";
import { replayGolden } from "../src/replay-golden.js";
import { cpuEngine, notCompiled } from "./cpu-engine.js";
import { goldenOf, goldenTexts } from "./goldens.js";
import { recordGolden } from "./record-golden.js";
import { smallConfig } from "./small-config.js";

describe.skipIf(notCompiled)("the CPU engine replays the recorded runs", () => {
  for (const [file, text] of goldenTexts) {
    for (const threads of [1, 3]) {
      it(`${file} on ${threads} threads: every step runs free and agrees`, async () => {
        const golden = goldenOf(text);
        const replay = await replayGolden(golden, cpuEngine({ threads }));
        expect(replay).toMatchObject({
          engine: "cpu",
          executed_precision: golden.config.precision,
          mode: "free",
          compared_steps: golden.steps.length,
          mismatches: [],
          notes: [],
          ok: true,
        });
        for (const figure of replay.telemetry) expect(figure.rel_err, figure.name).toBeLessThan(1e-5);
      });
    }
  }

  it("agrees where the slopes of the dead zone's head are nothing but the rounding of its gate", async () => {
    const config = smallConfig({ num_classes: 256, ring_len: 256, synth_len: 8, precision: "fp32", ptr_dtype: "fp32" });
    const golden = goldenOf(await recordGolden(config, 4, 1));
    const slopes = golden.steps[0]?.gradients?.get("deadzone_head.bias");
    expect(Math.abs(slopes![0]!)).toBeLessThan(1e-20);
    expect(await replayGolden(golden, cpuEngine())).toMatchObject({ ok: true, compared_steps: 1 });
  });
});
