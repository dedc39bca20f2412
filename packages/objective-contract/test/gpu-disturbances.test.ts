import {
  INVALIDATING_THROTTLE_REASONS,
  MIN_CAPPED_CLOCK_SHARE,
  type RunRecord,
  type StepSample,
  judge,
  metricsDocument,
  outcomeDocument,
  readOutcome,
  runOutcome,
  throttledSteps,
} from "@vrx/objective-contract";
import { expect, it } from "vitest";
import { completed, cuda, envOf, headerOf, recordOf, samplesOf } from "./support/runs.js";

const steady = Array.from({ length: 20 }, () => 0.1);
const baseline = { baseline_sm_clock_mhz: 1980, foreign_processes: 0 };

/** A GPU run that passes; `extra` is on every step, `at` on the measured steps of these numbers. */
function gpuRun(
  extra: Partial<StepSample> = {},
  at: Readonly<Record<number, Partial<StepSample>>> = {},
  gpu: RunRecord["outcome"]["gpu"] = baseline,
): RunRecord {
  const samples = samplesOf([0.1, 0.1], steady, { sm_clock_mhz: 1980, vram_reserved_bytes: 1000, ...extra });
  return recordOf({
    header: headerOf({ device: cuda }),
    env: envOf({ total_vram_bytes: 1_000_000, gpu_name: "a GPU", driver_version: "580" }),
    samples: samples.map((sample) => (sample.phase === "measure" ? { ...sample, ...at[sample.step] } : sample)),
    outcome: runOutcome({ ...completed, gpu }),
  });
}

it("lets a GPU run pass whose clocks nothing held down", () => {
  expect(judge(gpuRun({ throttle_reasons: [] })).status).toBe("pass");
  expect(judge(gpuRun({ throttle_reasons: ["gpu_idle", "applications_clocks_setting"] })).status).toBe("pass");
});

it.each(INVALIDATING_THROTTLE_REASONS)(
  "takes one measured step under %s for an invalid run, and says which",
  (reason) => {
    const verdict = judge(gpuRun({}, { 4: { throttle_reasons: ["sw_power_cap", reason] } }));
    expect(verdict).toMatchObject({ status: "invalid", stability_pass: false, fail_reasons: [] });
    expect(verdict.invalid_reasons).toEqual([
      { code: "throttled", message: `measured steps 4 (1 of 20) were throttled: ${reason}` },
    ]);
  },
);

it("names ranges of throttled steps, and every reason once", () => {
  const hot = { throttle_reasons: ["hw_thermal_slowdown", "hw_slowdown"] };
  const run = gpuRun({}, { 3: hot, 4: hot, 5: hot, 9: { throttle_reasons: ["sw_thermal_slowdown"] } });
  expect(throttledSteps(run.samples).map(({ step }) => step)).toEqual([3, 4, 5, 9]);
  expect(judge(run).invalid_reasons[0]?.message).toBe(
    "measured steps 3 to 5, 9 (4 of 20) were throttled: hw_thermal_slowdown, hw_slowdown, sw_thermal_slowdown",
  );
});

it("does not count the warm-up", () => {
  const samples = gpuRun().samples.map((sample) =>
    sample.phase === "warmup" ? { ...sample, throttle_reasons: ["hw_slowdown"] } : sample,
  );
  expect(judge({ ...gpuRun(), samples }).status).toBe("pass");
});

it("forgives a power cap, until clocks fall well below the host's own baseline", () => {
  const capped = (mhz: number | null, gpu: RunRecord["outcome"]["gpu"] = baseline): ReturnType<typeof judge> =>
    judge(gpuRun({}, { 7: { throttle_reasons: ["sw_power_cap"], sm_clock_mhz: mhz } }, gpu));
  const limit = MIN_CAPPED_CLOCK_SHARE * 1980;
  expect(MIN_CAPPED_CLOCK_SHARE).toBe(0.85);
  expect(capped(limit).status).toBe("pass");
  expect(capped(limit - 1).invalid_reasons.map(({ code }) => code)).toEqual(["clocks_below_baseline"]);
  expect(capped(limit - 1).invalid_reasons[0]?.message).toContain("measured steps 7 (1 of 20)");
  expect(capped(100, { ...baseline, baseline_sm_clock_mhz: null }).status).toBe("pass");
  expect(capped(100, null).status).toBe("pass");
  expect(capped(null).status).toBe("pass");
  expect(judge(gpuRun({}, { 7: { throttle_reasons: [], sm_clock_mhz: 100 } })).status).toBe("pass");
});

it("sees other people's processes on the GPU", () => {
  const verdict = judge(gpuRun({}, {}, { ...baseline, foreign_processes: 2 }));
  expect(verdict.invalid_reasons).toEqual([
    { code: "foreign_gpu_process", message: "2 other processes were on the GPU during the run" },
  ]);
  expect(judge(gpuRun({}, {}, { ...baseline, foreign_processes: null })).status).toBe("pass");
});

it("lets a failed gate stand before all of these", () => {
  const run = gpuRun({ loss: NaN, throttle_reasons: ["hw_slowdown"] });
  expect(judge(run)).toMatchObject({ status: "fail", fail_reasons: ["nan_or_inf"] });
});

it("keeps what was seen of the GPU in the outcome, and reads outcomes from before it was known", () => {
  const { outcome } = gpuRun();
  expect(readOutcome(outcomeDocument(outcome))).toEqual({ status: "ok", outcome });
  const before = runOutcome(completed);
  expect(outcomeDocument(before)).not.toHaveProperty("gpu");
  expect(readOutcome(outcomeDocument(before))).toEqual({ status: "ok", outcome: before });
  const wrong = { ...outcomeDocument(outcome), gpu: { baseline_sm_clock_mhz: "fast", foreign_processes: -1, more: 1 } };
  const read = readOutcome(wrong);
  expect(read.status === "invalid" && read.issues.map(({ field }) => field).sort()).toEqual([
    "/gpu/baseline_sm_clock_mhz",
    "/gpu/foreign_processes",
    "/gpu/more",
  ]);
});

it("has the mean energy of a step only where that of every measured step is known", () => {
  const known = gpuRun({ energy_j: 70 }, { 3: { energy_j: 90 } });
  expect(judge(known).metrics.energy_per_step_joules).toBeCloseTo(71, 9);
  expect(metricsDocument(known, judge(known), null)["energy_per_step_joules"]).toBeCloseTo(71, 9);
  const partly = gpuRun({ energy_j: 70 }, { 3: { energy_j: null } });
  expect(judge(partly).metrics.energy_per_step_joules).toBeNull();
  expect(metricsDocument(partly, judge(partly), null)).not.toHaveProperty("energy_per_step_joules");
});
