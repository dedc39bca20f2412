import { computeMetrics } from "@vrx/objective-contract";
import { loadAddon } from "@vrx/native-cuda";
import { type FakeDriverOptions, fakeDriver, fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { type Engine, createEngine, predictMemory } from "@vrx/ring-engine";
import { type WorkloadSpec, presets } from "@vrx/workload-schema";
import { describe, expect, it, onTestFinished } from "vitest";
import { batchProbe } from "../src/batch/batch-probe.js";
import { supportedBatch } from "../src/batch/supported-batch.js";
import { deviceShare } from "../src/batch/workload-share.js";
import { probe } from "../src/probe.js";
import { type RingWorkloadOptions, ringWorkload } from "../src/ring/ring-workload.js";

const addon = loadAddon();
const library = fakeDriverLibrary();
const missing =
  addon.status === "unavailable" ? addon.message : library.status === "unavailable" ? library.message : null;
if (missing !== null) console.log(`skipped: ${missing}`);

const spec: WorkloadSpec = {
  ...presets.od1_small,
  ant_spec: { ...presets.od1_small.ant_spec, ring_len: 4096, slot_dim: 16, precision: "fp32" },
  colony_spec: { ...presets.od1_small.colony_spec, seq_len: 4, synth_len: 4, batch_size: 2 },
};

async function engineOn(options: FakeDriverOptions = {}): Promise<Engine> {
  const driver = fakeDriver(options);
  await driver.open();
  onTestFinished(() => {
    expect(driver.statistics()).toMatchObject({ device_allocations: 0, host_allocations: 0, streams: 0 });
    driver.dispose();
  });
  return createEngine("cuda", { driver: driver.library });
}

const measure = (engine: Engine, options: RingWorkloadOptions = {}, of: WorkloadSpec = spec) =>
  probe(ringWorkload(engine, options), of, { warmup_steps: 1, measure_steps: 3, seed: 4 });

describe.skipIf(missing !== null)("the ring on a device", () => {
  it("is timed by its events, says what memory it takes, and does not pass where the device is simulated", async () => {
    const engine = await engineOn();
    const { header, samples, outcome, env, verdict } = await measure(engine);
    expect(header).toMatchObject({
      engine: "cuda",
      step_time_mode: "cuda_events",
      device: { kind: "cuda", name: engine.device?.uuid, simulated: true },
    });
    expect(outcome).toMatchObject({ status: "completed", executed: { precision: "fp32", amp: false } });
    expect(env).toMatchObject({ gpu_name: engine.device?.name, total_vram_bytes: engine.device?.total_bytes });
    const { total_bytes } = predictMemory(spec, {}, { engine: "cuda", multiprocessors: 4 });
    for (const sample of samples) {
      expect(sample.vram_allocated_bytes).toBe(total_bytes);
      expect(sample.vram_reserved_bytes).toBeGreaterThanOrEqual(total_bytes);
      expect(sample.time_s).toBeGreaterThan(0);
      expect(sample).toMatchObject({ sm_clock_mhz: 1980, mem_clock_mhz: 2619, power_w: 112, throttle_reasons: [] });
    }
    expect(outcome.gpu?.foreign_processes).toBe(0);
    expect(outcome.extras["gpu_watch"]).not.toHaveProperty("error");
    expect(verdict.status).toBe("invalid");
  });

  it.each(["inplace", "materialized"] as const)(
    "has its share of the device's memory predicted for every batch, with rings %s",
    async (ring_history) => {
      const engine = await engineOn();
      const total = engine.device!.total_bytes;
      const planning = { warmup_steps: 1, measure_steps: 1 };
      const workload = ringWorkload(engine, { ring_history });
      const predict = (await deviceShare(workload, spec, planning, total))!;
      for (const batch of [1, 50, 200]) {
        const { ratio, status } = await batchProbe(workload, spec, {
          ...planning,
          share: { key: "vram_ratio_reserved" },
        })(batch, { signal: new AbortController().signal });
        // A simulated device passes nothing; what it holds is counted all the same.
        expect(status).toBe("invalid");
        expect(predict(batch), `batch ${batch}`).toBeCloseTo(ratio!, 2);
      }
    },
  );

  it("is refused before it runs with a batch beyond what a block of the device has room for", async () => {
    const engine = await engineOn();
    const planning = { warmup_steps: 0, measure_steps: 1 };
    const most = await supportedBatch(ringWorkload(engine), spec, planning);
    const withBatch = (batch_size: number) => ({ ...spec, colony_spec: { ...spec.colony_spec, batch_size } });
    expect(engine.supports(withBatch(most)).status).toBe("ok");
    expect(engine.supports(withBatch(most + 1))).toMatchObject({
      status: "unsupported",
      code: "too_large",
      engines: ["cpu"],
      reason: expect.stringMatching(
        /recurrence needs \d+ bytes of shared memory .*: make batch_size smaller/,
      ) as string,
    });
    await expect(measure(engine, {}, withBatch(most + 1))).rejects.toMatchObject({ code: "unsupported" });
    const { outcome } = await measure(engine, {}, withBatch(most));
    expect(outcome.status).toBe("completed");
    // The host's engines have no such limit.
    expect(await supportedBatch(ringWorkload(await createEngine("cpu")), spec, planning)).toBe(2 ** 24);
  });

  it("says of fp16 that it is mixed precision", async () => {
    const engine = await engineOn();
    const { header, outcome } = await measure(
      engine,
      {},
      { ...spec, ant_spec: { ...spec.ant_spec, precision: "fp16" } },
    );
    expect(header).toMatchObject({ precision: "fp16", amp: true });
    expect(outcome.executed).toEqual({ precision: "fp16", amp: true });
  });

  it("executes amp in fp16, keeps what was asked in the identity, and reports skipped updates", async () => {
    const engine = await engineOn();
    const asked = (precision: "amp" | "fp16") => ({ ...spec, ant_spec: { ...spec.ant_spec, precision } });
    const amp = await measure(engine, {}, asked("amp"));
    const fp16 = await measure(engine, {}, asked("fp16"));
    expect(amp.header).toMatchObject({ precision: "amp", amp: true });
    expect(amp.header.workload_id).not.toBe(fp16.header.workload_id);
    expect(amp.outcome.executed).toEqual({ precision: "fp16", amp: true });
    expect(amp.env).toMatchObject({ precision: "amp", executed_precision: "fp16", executed_amp: 1 });
    expect(amp.outcome.extras["loss_scaling"]).toEqual({ update: "applied", scale: 65_536, skipped_updates: 0 });
    expect(amp.samples.map(({ loss }) => loss)).toEqual(fp16.samples.map(({ loss }) => loss));
    // A simulated device is all that is wrong with it.
    expect(amp.verdict.invalid_reasons.map(({ code }) => code)).toEqual(["simulated_device"]);
  });

  it("that runs out of memory is a result, with the peak that was reached", async () => {
    const { total_bytes } = predictMemory(spec, {}, { engine: "cuda", multiprocessors: 4 });
    const ring = 4 * 2 * 4096 * 16;
    const engine = await engineOn({ devices: [{ memory_bytes: total_bytes + 3 * ring }] });
    const inplace = await measure(engine);
    const run = await measure(engine, { ring_history: "materialized" });
    const { outcome, verdict } = run;
    const metrics = computeMetrics(run);
    expect(inplace.outcome.status).toBe("completed");
    expect(outcome.status).toBe("failed");
    expect(metrics).toMatchObject({ had_oom: true });
    expect(metrics.peak_vram_allocated_bytes).toBeGreaterThan(total_bytes);
    expect(metrics.peak_vram_allocated_bytes).toBeLessThanOrEqual(total_bytes + 3 * ring);
    expect(verdict.status).not.toBe("pass");
  });
});
