import { describe, expect, it } from "vitest";
import { replayGolden } from "../src/replay-golden.js";
import { cpuEngine } from "./cpu-engine.js";
import { goldenOf, goldenTexts } from "./goldens.js";

describe("the CPU engine replays the recorded runs", () => {
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
});
