import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type WorkloadSpec, presets } from "@vrx/workload-schema";
import type { CapacityCombo, CapacityModel } from "../src/batch/capacity-model.js";
import { comboKey, comboSpec } from "../src/batch/combo-key.js";
import { capacityShare, estimateBatch, estimateBatchBySizes, shareOf } from "../src/batch/estimate-batch.js";
import { type CapacityRun, fitCapacityModel } from "../src/batch/fit-capacity-model.js";
import { predictVram, vramShare } from "../src/batch/predict-vram.js";
import { capacityModelText, readCapacityModel } from "../src/batch/read-capacity-model.js";

const { od1_small: small, od1_real: real, od1_stress: stress } = presets;
const joined = (ant: WorkloadSpec, colony: WorkloadSpec, batch = 1): WorkloadSpec => ({
  schema_version: "workload_schema_v1",
  ant_spec: { ...ant.ant_spec, precision: "fp16" },
  colony_spec: { ...colony.colony_spec, batch_size: batch },
});

const TOTAL = 17_170_956_288;
const OVERHEAD = 32_029_440;

/** What was published: the key's digits, base, bytes per sample, largest and failing batch, SAFE_START and MAX. */
const published = [
  {
    name: "C1",
    spec: joined(small, real),
    key: "91710b8befec",
    base: 31325696,
    slope: 547548160,
    most: 28,
    fail: 29,
    safe: 26,
    max: 28,
    batches: [16, 24, 28],
  },
  {
    name: "C2",
    spec: joined(real, real),
    key: "33ffd4841493",
    base: 62436352,
    slope: 4870167552,
    most: 3,
    fail: 4,
    safe: 2,
    max: 3,
    batches: [1, 2, 3],
  },
  {
    name: "C3",
    spec: joined(stress, real),
    key: "c44773c25176",
    base: null,
    slope: null,
    most: 1,
    fail: 2,
    safe: 1,
    max: 1,
    batches: [],
  },
  {
    name: "C4",
    spec: joined(real, small),
    key: "97ad611a1d57",
    base: 59368448,
    slope: 2444461824,
    most: 6,
    fail: 7,
    safe: 5,
    max: 6,
    batches: [4, 6],
  },
] as const;

const combos = published.map(({ name, spec, base, slope, most, fail }): CapacityCombo => ({
  combo_name: name,
  combo_key: comboKey(comboSpec(spec, "fp16")),
  combo_spec_no_batch: comboSpec(spec, "fp16"),
  ant_path: null,
  colony_path: null,
  base_alloc_bytes: base,
  per_batch_alloc_bytes: slope,
  measured_max_batch: most,
  boundary_fail_batch: fail,
  boundary_fail_reasons: ["vram_guard"],
  fit_points: [],
  pass_runs: [],
}));
const model: CapacityModel = {
  schema_version: "capacity_model_v1",
  guard_basis: "reserved",
  guard_ratio: 0.92,
  safe_start_ratio: 0.85,
  track: { out_dim: 1, precision: "fp16", amp: 1 },
  calibrated_on: {
    gpu_name: "NVIDIA GeForce RTX 4070 Ti SUPER",
    total_vram_bytes: TOTAL,
    driver_version: null,
    torch_version: null,
    os: null,
  },
  overhead_bytes: OVERHEAD,
  measure_steps: 50,
  runs_root: "runs",
  notes: [],
  combos,
};
const here = { total_vram_bytes: TOTAL, gpu_name: null };
const c1 = comboSpec(published[0].spec, "fp16");
const c3 = comboSpec(published[2].spec, "fp16");

describe("the published calibrations", () => {
  it.each(published)("$name has its key, SAFE_START $safe and MAX $max", ({ spec, key, safe, max }) => {
    const combo = comboSpec(spec, "fp16");
    expect(comboKey(combo)).toBe(`combo_v1_${key}`);
    expect(estimateBatch(model, combo, here)).toMatchObject({ status: "ok", safe_start: safe, max });
  });

  const points = [
    ...published.flatMap(({ name, spec, base, slope, batches }) =>
      batches.map((batch) => ({ name, spec, batch, alloc: base === null ? 0 : base + slope * batch })),
    ),
    // 12.201 GiB reserved.
    { name: "C3", spec: joined(stress, real), batch: 1, alloc: 12.201 * 2 ** 30 - OVERHEAD },
  ];

  it("are nine points", () => expect(points).toHaveLength(9));

  it.each(points)("$name with batch $batch takes what the arrays of the model add up to", ({ spec, batch, alloc }) => {
    const predicted = predictVram({ ...spec, colony_spec: { ...spec.colony_spec, batch_size: batch } });
    expect(Math.abs(predicted / alloc - 1)).toBeLessThan(0.005);
  });
});

describe("an estimate by the sizes alone", () => {
  it.each(published)("$name has SAFE_START $safe and MAX $max as well", ({ spec, safe, max }) => {
    expect(estimateBatchBySizes(spec, 1, TOTAL)).toMatchObject({
      status: "ok",
      basis: "predicted",
      safe_start: safe,
      max,
    });
  });

  it("says so where nothing fits", () => {
    expect(estimateBatchBySizes(published[2].spec, 1, 8 * 2 ** 30)).toMatchObject({ status: "none_fits" });
  });

  it("expects the shares that were measured", () => {
    const share = vramShare(published[1].spec, 1, TOTAL);
    // 4.610, 9.162 and 13.715 GiB reserved.
    for (const [batch, gibibytes] of [
      [1, 4.61],
      [2, 9.162],
      [3, 13.715],
    ] as const) {
      expect(Math.abs(share(batch) / ((gibibytes * 2 ** 30) / TOTAL) - 1)).toBeLessThan(0.005);
    }
    const fitted = capacityShare(model, c1, TOTAL)!;
    expect(fitted(28)).toBeLessThan(0.92);
    expect(fitted(29)).toBeGreaterThan(0.92);
    expect(capacityShare(model, c3, TOTAL)).toBeUndefined();
  });
});

describe("an estimate", () => {
  it("never grows with a smaller share, and the start is never beyond the most", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10 ** 9, max: 10 ** 12 }), fc.integer({ min: 1, max: 100 }), (total, percent) => {
        const at = (guard_ratio: number) =>
          estimateBatch({ ...model, guard_ratio, safe_start_ratio: guard_ratio * 0.9 }, c1, {
            total_vram_bytes: total,
            gpu_name: null,
            allowMismatch: true,
          });
        const [less, more] = [at(percent / 200), at(percent / 100)];
        if (less.status === "ok") {
          expect(more.status).toBe("ok");
          if (more.status === "ok") expect(less.max).toBeLessThanOrEqual(more.max);
          if (less.safe_start !== null) expect(less.safe_start).toBeLessThanOrEqual(less.max);
        }
      }),
    );
  });

  it("says so where not even one sample fits", () => {
    const device = { total_vram_bytes: 300_000_000, gpu_name: null, allowMismatch: true };
    expect(estimateBatch(model, c1, device)).toMatchObject({ status: "none_fits" });
    const safe = { ...model, safe_start_ratio: 0.5 };
    expect(estimateBatch(safe, c1, { ...device, total_vram_bytes: 700_000_000 })).toMatchObject({
      safe_start: null,
      max: 1,
    });
  });

  it("is exact to the byte where a sample just fits", () => {
    const needs = OVERHEAD + 31325696 + 547548160;
    const whole = { ...model, guard_ratio: 1 };
    const at = (total: number) =>
      estimateBatch(whole, c1, { total_vram_bytes: total, gpu_name: null, allowMismatch: true });
    expect(at(needs)).toMatchObject({ status: "ok", max: 1 });
    expect(at(needs - 1).status).toBe("none_fits");
    expect(shareOf(100, 0.29)).toBe(29);
  });

  it("keeps below a batch that is known to fail on this device", () => {
    const known = { ...model, combos: combos.map((combo) => ({ ...combo, boundary_fail_batch: 20 })) };
    expect(estimateBatch(known, c1, here)).toMatchObject({ safe_start: 19, max: 19 });
  });

  it.each([
    ["another memory", { total_vram_bytes: TOTAL + 1, gpu_name: null }, "gpu_mismatch"],
    ["another name", { total_vram_bytes: TOTAL, gpu_name: "NVIDIA T4" }, "gpu_mismatch"],
  ] as const)("is refused for %s, unless that is allowed", (_, device, code) => {
    expect(estimateBatch(model, c1, device)).toMatchObject({ status: "refused", code });
    const allowed = estimateBatch(model, c1, { ...device, allowMismatch: true });
    expect(allowed).toMatchObject({ status: "ok", warnings: [expect.stringContaining("calibrated")] });
  });

  it("does not carry a single measured batch over to another device", () => {
    const device = { total_vram_bytes: 2 * TOTAL, gpu_name: null, allowMismatch: true };
    expect(estimateBatch(model, c3, device)).toMatchObject({ status: "refused", code: "cannot_scale" });
    expect(estimateBatch(model, c3, here)).toMatchObject({ status: "ok", basis: "measured" });
  });

  it("is refused for what was not calibrated", () => {
    expect(estimateBatch(model, comboSpec(joined(small, small), "fp16"), here)).toMatchObject({
      code: "unknown_combo",
    });
    const heads = { ...model, track: { ...model.track, out_dim: 2 } };
    expect(estimateBatch(heads, c1, here)).toMatchObject({ code: "unsupported_track" });
  });
});

describe("a capacity model's file", () => {
  it("is read back as it was written", () => {
    expect(readCapacityModel(capacityModelText(model))).toEqual({ status: "ok", model });
  });

  it("is read strictly, with everything that is wrong at once", () => {
    const broken = {
      ...model,
      guard_basis: "allocated",
      guard_ratoi: 1,
      overhead_bytes: true,
      track: { ...model.track, out_dim: 0 },
      combos: [
        { ...combos[0], combo_key: "combo_v1_000000000000" },
        { ...combos[1], base_alloc_bytes: null },
        combos[1],
      ],
    };
    const read = readCapacityModel(JSON.stringify(broken));
    const messages = read.status === "invalid" ? read.issues.map(({ message }) => message) : [];
    expect(messages).toEqual([
      expect.stringMatching(/^\/guard_ratoi: .*did you mean guard_ratio\?$/),
      '/guard_basis: expected "reserved", found "allocated"',
      "/track/out_dim: expected a whole number of at least 1, found 0",
      "/overhead_bytes: expected a whole number of at least 0, found true",
      '/combos/0/combo_key: expected the key of its spec, combo_v1_91710b8befec, found "combo_v1_000000000000"',
      "/combos/1/per_batch_alloc_bytes: expected null, as base_alloc_bytes, found 4870167552",
      expect.stringMatching(/^\/combos\/2\/combo_key: expected a key that no other combination has/),
    ]);
    expect(readCapacityModel("{")).toMatchObject({
      issues: [{ message: expect.stringContaining("line 1, column 2") as string }],
    });
  });

  it("survives any text", () => {
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => void readCapacityModel(text)));
  });
});

const run = (batch: number, alloc: number | null, more: Partial<CapacityRun> = {}): CapacityRun => ({
  run_dir: `B${batch}`,
  spec: joined(real, real, batch),
  heads: 1,
  precision: "fp16",
  amp: true,
  measure_steps: 50,
  passed: alloc !== null,
  fail_reasons: alloc === null ? ["vram_guard"] : [],
  peak_vram_allocated_bytes: alloc,
  peak_vram_reserved_bytes: alloc === null ? null : alloc + 5,
  gpu_name: "gpu",
  total_vram_bytes: 1000,
  driver_version: null,
  torch_version: null,
  os: "linux",
  ...more,
});

describe("a fit", () => {
  it("finds the line through two runs, whatever their order, and the batch that failed", () => {
    const runs = [run(3, null), run(2, 130), run(1, 100)];
    const fit = fitCapacityModel(runs);
    expect(fit).toEqual(fitCapacityModel([...runs].reverse()));
    expect(fit).toMatchObject({
      status: "ok",
      model: {
        overhead_bytes: 5,
        combos: [
          {
            combo_name: "C2_realxreal",
            base_alloc_bytes: 70,
            per_batch_alloc_bytes: 30,
            measured_max_batch: 2,
            boundary_fail_batch: 3,
            boundary_fail_reasons: ["vram_guard"],
          },
        ],
      },
    });
    if (fit.status === "ok")
      expect(readCapacityModel(capacityModelText(fit.model))).toEqual({ status: "ok", model: fit.model });
  });

  it("gives back the device it was simulated on, up to noise", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e8 }), fc.integer({ min: 1e7, max: 1e9 }), (base, slope) => {
        const runs = [1, 2, 4, 8, 16].map((batch) => run(batch, base + slope * batch + ((batch * 7919) % 1000)));
        const fit = fitCapacityModel(runs);
        const combo = fit.status === "ok" ? fit.model.combos[0] : undefined;
        expect(Math.abs((combo?.per_batch_alloc_bytes ?? 0) / slope - 1)).toBeLessThan(1e-4);
      }),
    );
  });

  it("has no line of one batch size", () => {
    expect(fitCapacityModel([run(1, 100)])).toMatchObject({
      model: { combos: [{ base_alloc_bytes: null, per_batch_alloc_bytes: null, measured_max_batch: 1 }] },
    });
  });

  it.each([
    ["no run", [], "there is no run to fit"],
    ["no pass", [run(1, null)], "none of 1 runs passed"],
    ["no VRAM", [run(1, 100, { peak_vram_allocated_bytes: null })], "no passing run says its peaks"],
    [
      "two devices",
      [run(1, 100), run(2, 130, { total_vram_bytes: 2000 })],
      "the runs differ in total_vram_bytes: 1000, 2000",
    ],
    ["two precisions", [run(1, 100), run(2, 130, { precision: "bf16" })], "the runs differ in precision"],
    ["heads", [run(1, 100, { heads: 2 })], "expected runs with 1 expert head, found 2"],
  ])("is refused with %s", (_, runs, problem) => {
    expect(fitCapacityModel(runs)).toMatchObject({ status: "refused", problems: [expect.stringContaining(problem)] });
  });
});
