import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { writeRun } from "./helpers/run-directory.js";
import { specText } from "./helpers/specs.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const run = (...words: string[]): ReturnType<typeof vrx> => vrx(words, { cwd: folder });
const times = (time_s: number): number[] => Array.from({ length: 20 }, () => time_s);
const spec = specText({
  ant: { ring_len: 32, slot_dim: 16, precision: "fp64" },
  colony: { seq_len: 16, synth_len: 16, batch_size: 8 },
});

beforeAll(async () => {
  for (const [name, time_s] of Object.entries({ base: 0.01, same: 0.0101, slow: 0.02, fast: 0.005 })) {
    await writeRun(join(folder, name), { times_s: times(time_s) });
  }
  for (const [i, time_s] of [0.01, 0.0101, 0.0099].entries()) {
    await writeRun(join(folder, `several/run-${i}`), { times_s: times(time_s) });
  }
  writeFileSync(join(folder, "spec.json"), spec);
});

/** Steps whose times it says itself: on a busy host those of an engine may be too unlike to count. */
const program = `
const { writeSync } = require("node:fs");
const fd = Number(process.env.VRX_SAMPLES_FD);
const of_run = 0.001 + (process.pid % 7) * 1e-6;
const cell = new Int32Array(new SharedArrayBuffer(4));
const steps = Number(process.env.VRX_WARMUP_STEPS) + Number(process.env.VRX_MEASURE_STEPS);
for (let step = 0; step < steps; step++) {
  // No less time passes than is said.
  Atomics.wait(cell, 0, 0, 2);
  writeSync(fd, JSON.stringify({ step, loss: 1, time_s: of_run + (step % 3) * 1e-6 }) + "\\n");
}
`;

describe("vrx calibrate and vrx compare", () => {
  it("calibrates with real runs, keeps them, and compares by that floor", () => {
    writeFileSync(join(folder, "steps.cjs"), program);
    const measured = ["--runs", "3", "--", process.execPath, "steps.cjs"];
    const made = run("calibrate", "spec.json", "--keep", "aa", "--json", ...measured);
    expect(made.stderr).toBe("");
    const { file, floor } = JSON.parse(made.stdout) as { file: string; floor: { floor_ratio: number } };
    expect(file).toMatch(/^calibration\/.+\.json$/);
    expect(readdirSync(join(folder, "aa")).sort().slice(0, 3)).toEqual(["run-1", "run-2", "run-3"]);

    const again = run("compare", "aa/run-1", "aa/run-2", "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ floor: file });
    // Two of the runs that made the floor are never further apart than it.
    expect([0, 3]).toContain(again.code);
    expect(floor.floor_ratio).toBeGreaterThan(0);
    const all = run("compare", "aa", "aa/run-3", "--json");
    expect(JSON.parse(all.stdout)).toMatchObject({ runs: { base: readdirSync(join(folder, "aa")).length, next: 1 } });
    run("calibrate", "spec.json", ...measured);
    const kept = JSON.parse(readFileSync(join(folder, file), "utf8")) as { floors: unknown[] };
    expect(kept.floors).toHaveLength(1);
  });

  it("exits 0 for the same and faster, 1 for slower, 3 where nothing is known", () => {
    const unknown = run("compare", "base", "same", "--json");
    expect(unknown.code).toBe(3);
    const { why, status } = JSON.parse(unknown.stdout) as { why: string[]; status: string };
    expect(status).toBe("incomparable");
    expect(why[0]).toMatch(/no noise floor .* `vrx calibrate`/);

    const env = JSON.parse(readFileSync(join(folder, "base/env.json"), "utf8")) as Record<string, unknown>;
    const host = Object.fromEntries(
      ["host", "arch", "cpu_model", "cpu_count", "total_memory_bytes", "gpu_name", "total_vram_bytes"].map((key) => [
        key,
        env[key],
      ]),
    );
    const header = JSON.parse(readFileSync(join(folder, "base/run_cmd.txt"), "utf8")) as Record<string, unknown>;
    const subject = {
      workload_digest: header["workload_digest"],
      heads: 1,
      engine: "reference",
      threads: null,
      device: "cpu",
      step_time_mode: "perf_counter",
    };
    const floor = {
      schema_version: "vrx_noise_floor_v1",
      host,
      subject,
      median_step_times_s: [0.01, 0.01, 0.0102],
      floor_ratio: 0.05,
      measured_utc: "2026-01-01T00:00:00.000Z",
    };
    writeFileSync(
      join(folder, "floor.json"),
      JSON.stringify({ schema_version: "vrx_calibration_v1", floors: [floor] }),
    );
    const compare = (next: string, ...more: string[]): ReturnType<typeof vrx> =>
      run("compare", "base", next, "--floor", "floor.json", ...more);
    expect(compare("same")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^same\n/) as string });
    expect(compare("fast")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^faster\n/) as string });
    expect(compare("slow")).toMatchObject({ code: 1, stdout: expect.stringMatching(/^slower\n/) as string });
    expect(compare("several")).toMatchObject({ code: 0 });
    expect(compare("slow", "--threshold", "2")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^same/) as string,
    });
    expect(compare("slow", "--threshold", "0.01").code).toBe(2);
  });

  it("refuses what holds no run and what is no calibration, and measures nothing for it", () => {
    expect(run("compare", "base", "nowhere").code).toBe(2);
    expect(run("compare", "base", ".", "--floor", "nothing.json").stderr).toContain("nothing.json: no such file");
    writeFileSync(join(folder, "odd.json"), "{}");
    expect(run("compare", "base", "same", "--floor", "odd.json").stderr).toContain("expected a vrx_calibration_v1");
    expect(run("calibrate", "spec.json", "-o", "odd.json", "--keep", "never").code).toBe(2);
    expect(existsSync(join(folder, "never"))).toBe(false);
    expect(run("calibrate", "spec.json", "--measure-steps", "5").stderr).toContain("at least 20");
  });
});
