import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadAddon } from "@vrx/native-cuda";
import { type FakeDeviceOptions, type FakeDriver, fakeDriver, fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { presets } from "@vrx/workload-schema";
import { describe, expect, it, onTestFinished } from "vitest";
import { GpuProcesses } from "../src/gpu/gpu-processes.js";
import { type GpuMoment, GpuWindow } from "../src/gpu/gpu-window.js";
import { defineWorkload, probe, readGpuBaseline, storeGpuBaseline, withGpuWatch } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const moment = (changes: Partial<GpuMoment> = {}): GpuMoment => ({
  sm_clock_mhz: 1980,
  memory_clock_mhz: 2619,
  power_w: 500,
  temperature_c: 40,
  energy_j: 1000,
  throttle_reasons: [],
  ...changes,
});

describe("the readings of a step", () => {
  it("are those of the samples taken during it", () => {
    const window = new GpuWindow(1);
    window.add(0, moment());
    window.take(0);
    window.add(
      0.1,
      moment({ sm_clock_mhz: 1900, power_w: 400, temperature_c: 50, throttle_reasons: ["sw_power_cap"] }),
    );
    window.add(0.2, moment({ sm_clock_mhz: 1800, power_w: 600, temperature_c: 45, throttle_reasons: ["hw_slowdown"] }));
    expect(window.take(0.2)).toMatchObject({
      sm_clock_mhz: 1850,
      mem_clock_mhz: 2619,
      power_w: 500,
      temperature_c: 50,
      throttle_reasons: ["sw_power_cap", "hw_slowdown"],
    });
  });

  it("are those of the sample before it where it is shorter than the interval, unless that is stale", () => {
    const window = new GpuWindow(1);
    window.add(0, moment({ sm_clock_mhz: 1700 }));
    window.take(0);
    expect(window.take(0.9)).toMatchObject({ sm_clock_mhz: 1700, throttle_reasons: [] });
    expect(window.take(1.1)).toMatchObject({ sm_clock_mhz: null, energy_j: null, throttle_reasons: null });
  });

  it("are null for what the GPU does not tell", () => {
    const window = new GpuWindow(1);
    const nothing = { sm_clock_mhz: null, power_w: null, energy_j: null, throttle_reasons: null };
    window.add(0, moment(nothing));
    expect(window.take(0)).toMatchObject(nothing);
    window.add(0.1, moment({ throttle_reasons: null }));
    window.add(0.2, moment({ throttle_reasons: [] }));
    expect(window.take(0.2).throttle_reasons).toBeNull();
  });

  it("add up to the energy that the card counted, however short the steps are", () => {
    const window = new GpuWindow(10);
    let counted_j = 5000;
    window.add(0, moment({ energy_j: counted_j }));
    window.take(0);
    let sum_j = 0;
    for (let tick = 1; tick <= 500; tick++) {
      const at_s = tick / 100;
      // The counter moves every 50 ms, steps end every 10 ms.
      if (tick % 5 === 0) window.add(at_s, moment({ energy_j: (counted_j += 25) }));
      const { energy_j } = window.take(at_s);
      expect(energy_j).toBeGreaterThanOrEqual(0);
      sum_j += energy_j ?? NaN;
    }
    expect(sum_j).toBeCloseTo(2500, 6);
  });
});

describe.runIf(process.platform === "linux")("whose a process on the GPU is", () => {
  /** A /proc in which 10 is the run, 11 its child, 12 its grandchild's orphan in the child's group, 20 another's. */
  function procFolder(namespace: string): string {
    const proc = mkdtempSync(join(tmpdir(), "vrx-proc-"));
    onTestFinished(() => rmSync(proc, { recursive: true, force: true }));
    const stat = (pid: number, parent: number, group: number): void => {
      mkdirSync(join(proc, String(pid)));
      writeFileSync(join(proc, String(pid), "stat"), `${pid} (a) b (c) S ${parent} ${group} 1 0 -1 4194304\n`);
    };
    stat(1, 0, 1);
    stat(10, 1, 10);
    stat(11, 10, 11);
    stat(12, 1, 11);
    stat(20, 1, 20);
    mkdirSync(join(proc, "self/ns"), { recursive: true });
    symlinkSync(namespace, join(proc, "self/ns/pid"));
    return proc;
  }
  const list = (...pids: number[]): { pid: number; used_bytes: number }[] =>
    pids.map((pid) => ({ pid, used_bytes: 100 }));

  it("is the run's for itself, its descendants and their groups, and another's for the rest", () => {
    const processes = new GpuProcesses(null, procFolder("pid:[4026531836]"), 10);
    expect(processes.add(list(10, 11, 12))).toBe(300);
    expect(processes.foreign).toBe(0);
    expect(processes.add(list(11, 20))).toBe(100);
    expect(processes.foreign).toBe(1);
    expect(processes.peak_own_bytes).toBe(300);
  });

  it("is nobody's for one that is gone, unless it was there before the run", () => {
    const proc = procFolder("pid:[4026531836]");
    const gone = new GpuProcesses(list(20), proc, 10);
    gone.add(list(99));
    expect(gone.foreign).toBe(0);
    const hidden = new GpuProcesses(list(99), proc, 10);
    hidden.add(list(99));
    expect(hidden.foreign).toBe(1);
  });

  it("is by who came first in a container, which knows other numbers", () => {
    const processes = new GpuProcesses(list(4000), procFolder("pid:[4026532999]"), 10);
    processes.add(list(4000, 4001));
    expect(processes.foreign).toBe(1);
    expect(processes.peak_own_bytes).toBe(100);
  });

  it("is not known where the system does not tell", () => {
    const processes = new GpuProcesses(null, procFolder("pid:[4026531836]"), 10);
    expect(processes.add(null)).toBeNull();
    expect(processes).toMatchObject({ foreign: null, peak_own_bytes: null });
  });
});

describe("the baseline of a GPU on this host", () => {
  const baseline = {
    gpu_uuid: "GPU-1",
    driver_version: "580.1",
    sm_clock_mhz: 1755,
    measured_utc: "2026-01-01T00:00:00.000Z",
  };

  it("is kept by card and driver", async () => {
    const folder = temporaryFolder();
    const file = await storeGpuBaseline(baseline, { folder });
    expect(await readGpuBaseline("GPU-1", "580.1", { folder })).toEqual(baseline);
    expect(await readGpuBaseline("GPU-1", "590.1", { folder })).toBeNull();
    expect(await readGpuBaseline("GPU-2", "580.1", { folder })).toBeNull();
    writeFileSync(file, "{");
    expect(await readGpuBaseline("GPU-1", "580.1", { folder })).toBeNull();
    writeFileSync(file, JSON.stringify({ ...baseline, sm_clock_mhz: 0 }));
    expect(await readGpuBaseline("GPU-1", "580.1", { folder })).toBeNull();
  });
});

const unavailable = [loadAddon(), fakeDriverLibrary()].find(({ status }) => status === "unavailable");
if (unavailable?.status === "unavailable") console.log(`skipped: watching fake GPUs: ${unavailable.message}`);

describe.skipIf(unavailable !== undefined)("a watched run", () => {
  interface Watched {
    readonly fake: FakeDriver;
    /** Called in each step, counted over warm-up and measured ones. */
    readonly onStep?: (step: number) => void | Promise<void>;
    readonly baseline_mhz?: number;
    readonly says?: Readonly<Record<string, unknown>>;
  }

  function fakeGpu(options: FakeDeviceOptions = {}): FakeDriver {
    const fake = fakeDriver({ devices: [options] });
    onTestFinished(() => fake.dispose());
    return fake;
  }

  /** Resolves when the watch has looked twice: the second look has begun after this was called. */
  async function seenTwice(fake: FakeDriver): Promise<void> {
    const looks = (): number => fake.statistics().calls["nvmlDeviceGetCurrentClocksEventReasons"] ?? 0;
    for (const before = looks(); looks() < before + 2;) await delay(1);
  }

  /** 2 warm-up and 20 measured steps of 5 ms on the first GPU of a fake driver, watched every millisecond. */
  async function run({ fake, onStep, baseline_mhz, says = {} }: Watched): ReturnType<typeof probe> {
    const folder = temporaryFolder();
    const driver = await fake.open();
    const nvml = await fake.openNvml();
    const [device] = driver.devices;
    if (baseline_mhz !== undefined) {
      const { driver_version } = nvml;
      const measured_utc = new Date(0).toISOString();
      await storeGpuBaseline(
        { gpu_uuid: device!.uuid, driver_version, sm_clock_mhz: baseline_mhz, measured_utc },
        { folder },
      );
    }
    const workload = defineWorkload({
      name: "sleeper",
      // Not marked as simulated, so that what the watch makes of a run is seen in its verdict.
      describe: () => ({ device: { kind: "cuda", name: device!.uuid, simulated: false } }),
      prepare: () => ({
        facts: () => ({ executed: { precision: "fp32", amp: false } }),
        async *steps() {
          for (let step = 0; ; step++) {
            await onStep?.(step);
            await delay(5);
            // Of its own clock, so that a busy machine makes no slow steps.
            yield { loss: 1, time_s: 0.004, ...says };
          }
        },
      }),
    });
    const watch = { device: device!.uuid, driver: fake.library, interval_ms: 1, baselines: { folder } };
    return await probe(withGpuWatch(workload, watch), presets.od1_small, { warmup_steps: 2, measure_steps: 20 });
  }

  it("has clocks, power, energy, temperature and throttle reasons in every step, and passes", async () => {
    const fake = fakeGpu();
    // The counter goes on by what 112 W are in 5 ms, from what a fake card has counted before.
    const onStep = (step: number): void => fake.configure(0, { figures: { energy_mj: 123_456_789 + step * 560 } });
    const result = await run({ fake, onStep, baseline_mhz: 1980, says: { vram_reserved_bytes: 4096 } });
    for (const sample of result.samples.slice(1)) {
      expect(sample).toMatchObject({
        sm_clock_mhz: 1980,
        mem_clock_mhz: 2619,
        power_w: 112,
        temperature_c: 41,
        throttle_reasons: [],
        energy_j: expect.any(Number) as number,
        vram_reserved_bytes: 4096,
      });
    }
    expect(result.outcome.gpu).toEqual({ baseline_sm_clock_mhz: 1980, foreign_processes: 0 });
    expect(result.env).toMatchObject({ gpu_name: "vrx simulated GPU", total_vram_bytes: 2 ** 31 });
    expect(result.verdict.invalid_reasons).toEqual([]);
    expect(result.verdict.metrics.energy_per_step_joules).toBeGreaterThan(0);
    expect(result.verdict.metrics.peak_vram_reserved_bytes).toBe(4096);
  });

  it.each([
    ["hw_thermal_slowdown", 0x40],
    ["hw_power_brake_slowdown", 0x80],
    ["sw_thermal_slowdown", 0x20],
    ["hw_slowdown", 0x08],
  ])("is invalid when %s is seen in the middle, with the steps", async (reason, mask) => {
    const fake = fakeGpu();
    const onStep = async (step: number): Promise<void> => {
      if (step === 10) fake.configure(0, { figures: { throttle_reasons: mask } });
      if (step !== 12) return;
      await seenTwice(fake);
      fake.configure(0, { figures: { throttle_reasons: 0 } });
    };
    const { verdict } = await run({ fake, onStep, says: { vram_reserved_bytes: 1 } });
    expect(verdict.status).toBe("invalid");
    expect(verdict.invalid_reasons[0]).toMatchObject({ code: "throttled" });
    expect(verdict.invalid_reasons[0]?.message).toContain(reason);
  });

  it("forgives a software power cap, unless the clock is well below the host's own", async () => {
    const capped = (mhz: number): FakeDriver => fakeGpu({ figures: { throttle_reasons: 0x04, clock_sm_mhz: mhz } });
    const says = { vram_reserved_bytes: 1 };
    const held = await run({ fake: capped(1750), baseline_mhz: 1980, says });
    expect(held.samples.at(-1)?.throttle_reasons).toEqual(["sw_power_cap"]);
    expect(held.verdict.invalid_reasons).toEqual([]);
    const low = await run({ fake: capped(1200), baseline_mhz: 1980, says });
    expect(low.verdict.invalid_reasons.map(({ code }) => code)).toEqual(["clocks_below_baseline"]);
    const unknown = await run({ fake: capped(1200), says });
    expect(unknown.verdict.invalid_reasons).toEqual([]);
  });

  it("sees a process of others", async () => {
    const fake = fakeGpu({ processes: [{ pid: process.ppid, used_bytes: 2 ** 20 }] });
    const { outcome, verdict } = await run({ fake, says: { vram_reserved_bytes: 1 } });
    expect(outcome.gpu?.foreign_processes).toBe(1);
    expect(verdict.invalid_reasons.map(({ code }) => code)).toEqual(["foreign_gpu_process"]);
  });

  it("goes on without what the GPU does not tell", async () => {
    const figures = { clock_sm_mhz: null, energy_mj: { error: 3 }, throttle_reasons: null } as const;
    const { samples, verdict } = await run({ fake: fakeGpu({ figures }), says: { vram_reserved_bytes: 1 } });
    expect(samples.at(-1)).not.toHaveProperty("sm_clock_mhz");
    expect(samples.at(-1)).toMatchObject({ power_w: 112 });
    expect(verdict.metrics.energy_per_step_joules).toBeNull();
    expect(verdict.invalid_reasons).toEqual([]);
  });

  it("goes on, and says why, where there is nothing to ask", async () => {
    const workload = defineWorkload({ name: "plain", prepare: () => ({ steps: () => [{ loss: 1 }] }) });
    const watched = withGpuWatch(workload, { device: "GPU-none", driver: "/nowhere/libcuda.so" });
    const { outcome } = await probe(watched, presets.od1_small, { warmup_steps: 0, measure_steps: 1 });
    expect(outcome).toMatchObject({ status: "completed", gpu: null });
    expect(outcome.extras["gpu_watch"]).toMatchObject({ error: expect.stringContaining("/nowhere") as string });
  });

  it("fails the VRAM guard by what the program or the driver tells of its memory", async () => {
    const { verdict } = await run({ fake: fakeGpu(), says: { vram_reserved_bytes: 2 ** 31 } });
    expect(verdict.fail_reasons).toEqual(["vram_guard"]);
  });
});
