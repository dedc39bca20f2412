import { type EnvFacts, type JsonObject, type RunRecord, runOutcome } from "@vrx/objective-contract";
import { type RunHeaderInput, collectEnv, createRunHeader } from "@vrx/objective-contract/node";
import { randomStream } from "@vrx/ring-engine";
import { presets } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import { type NoiseFloor, compareRuns, noiseFloorOf, readNoiseFloor } from "../src/index.js";

const env = { ...(await collectEnv({ precision: "fp32", amp: false })), host: "here", git_commit: "0".repeat(40) };
const STEPS = 50;

/** A run with these step times. */
function runOf(
  times_s: readonly number[],
  { header = {}, facts = {} }: { header?: Partial<RunHeaderInput>; facts?: Partial<EnvFacts> } = {},
): RunRecord {
  let end_s = 0;
  return {
    header: createRunHeader({
      workload: presets.od1_small,
      engine: "cpu",
      engine_version: "1",
      device: { kind: "cpu", name: "cpu", simulated: false },
      warmup_steps: 0,
      measure_steps: times_s.length,
      step_time_mode: "perf_counter",
      seed: 0,
      argv: ["vrx"],
      ...header,
    }),
    env: { ...env, ...facts },
    samples: times_s.map((time_s, step) => ({ step, phase: "measure", time_s, end_s: (end_s += time_s), loss: 1 })),
    outcome: runOutcome({
      status: "completed",
      stop_reason: "measure_steps_reached",
      executed: { precision: "fp32", amp: false },
    }),
  };
}

/** A host with noise between runs and within them, where a step is like the one before it. */
function host(seed: number, { between = 0.02, within = 0.03, like = 0.7 } = {}): (factor?: number) => RunRecord {
  const stream = randomStream(seed, "data", 0);
  let at = 0;
  return (factor = 1) => {
    const level = 0.01 * factor * Math.exp(between * stream.normal(at++));
    let drift = 0;
    return runOf(
      Array.from({ length: STEPS }, () => {
        drift = like * drift + Math.sqrt(1 - like * like) * stream.normal(at++);
        return level * Math.exp(within * drift);
      }),
    );
  };
}

const many = (count: number, run: () => RunRecord): RunRecord[] => Array.from({ length: count }, run);
const steady = (time_s: number, options = {}): RunRecord => runOf(Array<number>(STEPS).fill(time_s), options);
const floorOf = (...times: number[]): NoiseFloor => noiseFloorOf(times.map((time_s) => steady(time_s)));

describe("compareRuns", () => {
  it("finds no difference between a host and itself in at least 95 of 100 comparisons", () => {
    let wrong = 0;
    const all = 200;
    for (let seed = 0; seed < all; seed++) {
      const run = host(seed);
      const floors = [noiseFloorOf(many(10, run))];
      const { status } = compareRuns(run(), run(), { floors });
      expect(["same", "ambiguous", "faster", "slower"]).toContain(status);
      if (status === "faster" || status === "slower") wrong++;
    }
    expect(wrong / all).toBeLessThanOrEqual(0.05);
  });

  it("finds a difference well above the floor, in its direction", () => {
    let found = 0;
    const all = 50;
    for (let seed = 0; seed < all; seed++) {
      const run = host(seed);
      const floors = [noiseFloorOf(many(10, run))];
      if (compareRuns(run(), run(1.25), { floors }).status === "slower") found++;
      if (compareRuns(run(), run(1 / 1.25), { floors }).status === "faster") found++;
    }
    expect(found / (2 * all)).toBeGreaterThanOrEqual(0.9);
  });

  it("says same, slower, faster and ambiguous, each with its figures", () => {
    const floors = [floorOf(0.01, 0.0101, 0.0099)];
    const next = (time_s: number): ReturnType<typeof compareRuns> =>
      compareRuns(steady(0.01), steady(time_s), { floors });
    expect(next(0.0101)).toMatchObject({ status: "same", interval: [1.01, 1.01], floor_ratio: floors[0]!.floor_ratio });
    expect(next(0.02)).toMatchObject({ status: "slower", ratio: 2 });
    expect(next(0.005)).toMatchObject({ status: "faster", ratio: 0.5 });
    expect(next(0.02).why[0]).toMatch(
      /^steps take \+100.0 % \(95 % interval \+100.0 % to \+100.0 %\), all of it beyond/,
    );
    const torn = runOf(Array.from({ length: STEPS }, (_, i) => ((i >> 3) % 2 === 0 ? 0.01 : 0.02)));
    expect(compareRuns(steady(0.01), torn, { floors })).toMatchObject({ status: "ambiguous" });
  });

  it("takes several runs on each side, and gives the same interval each time", () => {
    const run = host(7);
    const floors = [noiseFloorOf(many(10, run))];
    const [base, next] = [many(5, run), many(5, () => run(1.3))];
    expect(compareRuns(base, next, { floors })).toMatchObject({ status: "slower" });
    expect(compareRuns(base, next, { floors })).toEqual(compareRuns(base, next, { floors }));
  });

  it("refuses a threshold below the floor, and takes one above it", () => {
    const floors = [floorOf(0.01, 0.0105, 0.0095)];
    const with_threshold = (threshold_ratio: number): unknown =>
      compareRuns(steady(0.01), steady(0.013), { floors, threshold_ratio });
    expect(() => with_threshold(0.01)).toThrow(/the noise floor of this host, found 0.01/);
    expect(() => with_threshold(0)).toThrow(/above 0/);
    expect(with_threshold(0.5)).toMatchObject({ status: "same", threshold_ratio: 0.5 });
  });

  it.each<[string, RunRecord, RegExp]>([
    ["another host", steady(0.01, { facts: { host: "there" } }), /host: here and there/],
    ["a host without a name", steady(0.01, { facts: { host: null } }), /its name is not known/],
    ["another processor", steady(0.01, { facts: { cpu_model: "other" } }), /cpu_model: /],
    ["another GPU", steady(0.01, { facts: { gpu_name: "H100" } }), /gpu_name: /],
    ["another workload", steady(0.01, { header: { workload: presets.od1_real } }), /workload_digest: /],
    ["other heads", steady(0.01, { header: { out_dim: 2 } }), /heads: 1 and 2/],
    ["another clock", steady(0.01, { header: { step_time_mode: "arrival" } }), /step_time_mode: /],
    [
      "a simulated device",
      steady(0.01, { header: { device: { kind: "cpu", name: "cpu", simulated: true } } }),
      /invalid/,
    ],
    ["too few steps", runOf(Array<number>(19).fill(0.01)), /at least 20 measured steps, found 19/],
    ["a run without a floor", steady(0.01, { header: { engine: "reference" } }), /no noise floor .* `vrx calibrate`/],
    [
      "a run that broke off",
      { ...steady(0.01), outcome: { ...steady(0.01).outcome, status: "interrupted", stop_reason: "sigint" } },
      /not completed \(sigint\)/,
    ],
  ])("does not compare with %s, and says why", (_, next, why) => {
    const comparison = compareRuns(steady(0.01), next, { floors: [floorOf(0.01, 0.01, 0.0101)] });
    expect(comparison).toMatchObject({ status: "incomparable", ratio: null, interval: null });
    expect(comparison.why.join("\n")).toMatch(why);
  });

  it("tells what else differs, since that may be what is compared", () => {
    const next = steady(0.01, { header: { engine_version: "2" }, facts: { driver_version: "1.2" } });
    const { status, differences } = compareRuns(steady(0.01), next, { floors: [floorOf(0.01, 0.01, 0.0101)] });
    expect(status).toBe("same");
    expect(differences).toEqual(["engine_version: 1 and 2", "driver_version: null and 1.2"]);
  });
});

describe("the noise floor", () => {
  it("is the 95 % prediction interval of a difference of two runs, and never less than what was seen", () => {
    const times = [0.01, 0.0102, 0.0098, 0.0101];
    const logs = times.map(Math.log);
    const mean = logs.reduce((sum, log) => sum + log, 0) / 4;
    const sd = Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / 3);
    expect(floorOf(...times).floor_ratio).toBeCloseTo(Math.exp(3.182 * sd * Math.SQRT2) - 1, 12);
    expect(floorOf(0.01, 0.01, 0.01).floor_ratio).toBe(0);
  });

  it("is of one thing on one host, and of three runs at least", () => {
    expect(() => floorOf(0.01, 0.01)).toThrow(/at least 3, found 2/);
    expect(() => noiseFloorOf([steady(1), steady(1), steady(1, { facts: { host: "there" } })])).toThrow(/host: /);
    expect(() => noiseFloorOf([steady(1), steady(1), steady(1, { header: { threads: 2 } })])).toThrow(/threads: /);
  });

  it("comes back from JSON as it was, and from nothing else", () => {
    const floor = floorOf(0.01, 0.02, 0.03);
    const json = JSON.parse(JSON.stringify(floor)) as JsonObject;
    expect(readNoiseFloor(json)).toEqual(floor);
    for (const key of Object.keys(json)) expect(readNoiseFloor({ ...json, [key]: [[]] })).toBeNull();
  });
});
