import { describe, expect, it } from "vitest";
import { replayGolden } from "../src/replay-golden.js";
import { cudaGoldenEngine, noFakeDevice } from "./cuda-engine.js";
import { goldenOf, goldenTexts } from "./goldens.js";

describe.skipIf(noFakeDevice !== null)("the cuda engine replays the recorded runs, on a fake device", () => {
  for (const [file, text] of goldenTexts) {
    for (const schedule of ["ascending", "descending", 7] as const) {
      it(`${file}, threads ${schedule}: every step runs free and agrees`, async () => {
        const golden = goldenOf(text);
        const replay = await replayGolden(golden, await cudaGoldenEngine({ schedule }));
        expect(replay).toMatchObject({
          engine: "cuda",
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
