import { describe, expect, it } from "vitest";
import type { RingConfig, StepRequest } from "../src/backend.js";
import { createEngine } from "../src/engine.js";
import { isRingEngineError } from "../src/errors.js";
import { initialParameters } from "../src/initial-parameters.js";
import { materializedRing } from "../src/memory-parts.js";
import { predictMemory } from "../src/memory.js";
import { ringBatch } from "../src/ring-batch.js";
import { fakeCudaOfTest, fakeDevices, noFakeDevice } from "./cuda-engine.js";
import { smallConfig } from "./small-config.js";
import { smallSpec } from "./small-spec.js";

const requestOf = (config: RingConfig, mode: StepRequest["mode"] = "train", step = 0): StepRequest => ({
  batch: ringBatch(config, 5, step),
  mode,
});

const nothing = { device_allocations: 0, device_bytes: 0, host_allocations: 0, streams: 0, events: 0 };

describe.skipIf(noFakeDevice !== null)("a step of the cuda engine", () => {
  it.each(["fp32", "fp16"] as const)("gives the same bits when it is repeated, in %s", async (precision) => {
    const config = smallConfig({ precision, slot_dim: 20, batch_size: 5, ring_len: 40 });
    const results = new Set<string>();
    for (const schedule of ["ascending", "descending", 5] as const) {
      const { create } = await fakeCudaOfTest({ schedule });
      const backend = await create(config);
      await backend.writeParameters(initialParameters(config, 5));
      const losses: number[] = [];
      for (let step = 0; step < 3; step++) losses.push((await backend.run(requestOf(config, "train", step))).loss);
      const parameters = await backend.readParameters();
      results.add(`${losses.join()} ${Buffer.from(parameters.buffer).toString("base64")}`);
      backend.dispose();
    }
    expect(results.size).toBe(1);
  });

  it("does not change parameters, moments or gradients when it only goes forward, and leaves nothing in the ring", async () => {
    const config = smallConfig();
    const { create } = await fakeCudaOfTest();
    const backend = await create(config);
    await backend.writeParameters(initialParameters(config, 5));
    await backend.run(requestOf(config));
    const state = async () => [
      await backend.readParameters(),
      await backend.readGradients(),
      await backend.readOptimizer(),
    ];
    const before = await state();
    const first = await backend.run(requestOf(config, "forward", 1));
    const again = await backend.run(requestOf(config, "forward", 1));
    expect({ ...again, device_time_s: 0 }).toEqual({ ...first, device_time_s: 0 });
    expect(await state()).toEqual(before);
    backend.dispose();
  });

  it("reports a loss that is no number as it is, and its time by the device's clock", async () => {
    const config = smallConfig({ precision: "fp32" });
    const { create } = await fakeCudaOfTest();
    const backend = await create(config);
    await backend.writeParameters(initialParameters(config, 5));
    const request = requestOf(config);
    request.batch.x[3] = Number.NaN;
    const { loss, device_time_s } = await backend.run(request);
    expect(loss).toBeNaN();
    expect(device_time_s).toBeGreaterThan(0);
    backend.dispose();
  });

  it("is refused with `busy` while another runs and with `disposed` after the end, which may come twice", async () => {
    const config = smallConfig();
    const { create, driver } = await fakeCudaOfTest({ delay_us: 200 });
    const backend = await create(config);
    const running = backend.run(requestOf(config));
    await expect(backend.run(requestOf(config))).rejects.toMatchObject({ code: "busy" });
    await expect(backend.readParameters()).rejects.toMatchObject({ code: "busy" });
    // Ending it waits for the step.
    backend.dispose();
    backend.dispose();
    await running;
    await expect(backend.run(requestOf(config))).rejects.toMatchObject({ code: "disposed" });
    expect(driver.statistics()).toMatchObject(nothing);
  });
});

describe.skipIf(noFakeDevice !== null)("the scale of the loss in fp16", () => {
  it("halves where gradients overflow, and the update is skipped and reported", async () => {
    const config = smallConfig({ precision: "fp16" });
    const { create } = await fakeCudaOfTest();
    const backend = await create(config);
    const initial = initialParameters(config, 5);
    await backend.writeParameters(initial);
    const optimizer = await backend.readOptimizer();
    expect(optimizer.loss_scale).toEqual({ scale: 65_536, good_steps: 0, skipped_updates: 0 });
    await backend.writeOptimizer({ ...optimizer, loss_scale: { scale: 2 ** 30, good_steps: 5, skipped_updates: 2 } });
    const before = await backend.readParameters();
    const { loss_scaling, loss } = await backend.run(requestOf(config));
    expect(loss_scaling).toEqual({ update: "skipped", scale: 2 ** 30, skipped_updates: 3 });
    expect(Number.isFinite(loss)).toBe(true);
    expect(await backend.readParameters()).toEqual(before);
    const after = await backend.readOptimizer();
    expect(after.loss_scale).toEqual({ scale: 2 ** 29, good_steps: 0, skipped_updates: 3 });
    expect([...after.updates]).toEqual([...optimizer.updates]);
    backend.dispose();
  });

  it("doubles after 2000 good steps", async () => {
    const config = smallConfig({ precision: "fp16" });
    const { create } = await fakeCudaOfTest();
    const backend = await create(config);
    await backend.writeParameters(initialParameters(config, 5));
    const optimizer = await backend.readOptimizer();
    await backend.writeOptimizer({ ...optimizer, loss_scale: { scale: 256, good_steps: 1999, skipped_updates: 0 } });
    expect((await backend.run(requestOf(config))).loss_scaling).toEqual({
      update: "applied",
      scale: 256,
      skipped_updates: 0,
    });
    expect((await backend.readOptimizer()).loss_scale).toEqual({ scale: 512, good_steps: 0, skipped_updates: 0 });
    backend.dispose();
  });

  it.each(["fp32", "bf16"] as const)("is not there in %s", async (precision) => {
    const config = smallConfig({ precision });
    const { create } = await fakeCudaOfTest();
    const backend = await create(config);
    expect((await backend.run(requestOf(config))).loss_scaling).toBeUndefined();
    expect((await backend.readOptimizer()).loss_scale).toBeUndefined();
    backend.dispose();
  });
});

describe.skipIf(noFakeDevice !== null)("a session on a device", () => {
  it.each(["fp32", "fp16", "bf16"] as const)("goes on bit for bit from a checkpoint, in %s", async (precision) => {
    const { driver } = await fakeDevices();
    const engine = await createEngine("cuda", { driver: driver.library });
    expect(engine).toMatchObject({ kind: "cuda", fallback: null, device: { simulated: true, multiprocessors: 4 } });
    const spec = smallSpec({ precision });
    const session = await engine.prepare(spec, {}, { seed: 9 });
    expect(session.executed_precision).toBe(precision);
    await session.step();
    const bytes = await session.checkpoint();
    const onward = [await session.step(), await session.step()].map(({ loss }) => loss);
    const end = await session.checkpoint();
    const other = await engine.prepare(spec, {}, { seed: 9 });
    await other.restore(bytes);
    expect([await other.step(), await other.step()].map(({ loss }) => loss)).toEqual(onward);
    expect(Buffer.compare(await other.checkpoint(), end)).toBe(0);
    session.dispose();
    other.dispose();
    expect(driver.statistics()).toMatchObject(nothing);
    driver.dispose();
  });

  it("holds what was predicted, and says so in every sample", async () => {
    const { driver } = await fakeDevices();
    const engine = await createEngine("auto", { driver: driver.library });
    const spec = smallSpec({ precision: "fp32" });
    const session = await engine.prepare(spec, {}, { seed: 1 });
    const { held_bytes, prediction } = session.memory;
    expect(held_bytes).toBe(prediction.total_bytes);
    const { device_memory, time_s } = await session.step();
    expect(device_memory?.allocated_bytes).toBe(held_bytes);
    expect(device_memory?.reserved_bytes).toBeGreaterThanOrEqual(held_bytes);
    expect(time_s).toBeGreaterThan(0);
    session.dispose();
    driver.dispose();
  });

  it("keeps a ring for every time step where that is asked for, and computes the same", async () => {
    const { driver } = await fakeDevices();
    const engine = await createEngine("cuda", { driver: driver.library });
    const spec = smallSpec({ precision: "fp32" });
    const inplace = await engine.prepare(spec, {}, { seed: 1 });
    const materialized = await engine.prepare(spec, { ring_history: "materialized" }, { seed: 1 });
    const rings = spec.colony_spec.synth_len * materializedRing(inplace.config);
    expect(materialized.memory.held_bytes - inplace.memory.held_bytes).toBe(rings);
    expect(materialized.memory.held_bytes).toBe(
      predictMemory(spec, { ring_history: "materialized" }, { engine: "cuda", multiprocessors: 4 }).total_bytes,
    );
    expect(materialized.identity.digest).not.toBe(inplace.identity.digest);
    expect((await materialized.step()).loss).toBe((await inplace.step()).loss);
    inplace.dispose();
    materialized.dispose();
    driver.dispose();
  });
});

describe.skipIf(noFakeDevice !== null)("what goes wrong on a device", () => {
  it("is `out_of_memory` with the peak that was reached, and leaves nothing behind", async () => {
    const spec = smallSpec({ precision: "fp32", ring_len: 8192, slot_dim: 32 });
    const { total_bytes } = predictMemory(spec, {}, { engine: "cuda", multiprocessors: 4 });
    const { ring_len, slot_dim } = spec.ant_spec;
    const { batch_size } = spec.colony_spec;
    const ring = materializedRing(smallConfig({ ring_len, slot_dim, batch_size, precision: "fp32" }));
    const { driver } = await fakeDevices({ devices: [{ memory_bytes: total_bytes + 3 * ring }] });
    const engine = await createEngine("cuda", { driver: driver.library });
    const failure = engine.prepare(spec, { ring_history: "materialized" }, { seed: 1 });
    await expect(failure).rejects.toMatchObject({ code: "out_of_memory", details: { requested_bytes: ring } });
    const peak = await failure.then(
      () => 0,
      (error: unknown) => (isRingEngineError(error) ? Number(error.details["peak_allocated_bytes"]) : 0),
    );
    expect(peak).toBeGreaterThanOrEqual(total_bytes + ring);
    expect(peak).toBeLessThanOrEqual(total_bytes + 3 * ring);
    expect(driver.statistics()).toMatchObject(nothing);
    // What fits still runs.
    const session = await engine.prepare(spec, {}, { seed: 1 });
    expect(Number.isFinite((await session.step()).loss)).toBe(true);
    session.dispose();
    driver.dispose();
  });

  it.each([
    ["cuMemAlloc", 2, "out_of_memory"],
    ["cuMemHostAlloc", 2, "out_of_memory"],
    ["cuStreamCreateWithPriority", 2, "out_of_memory"],
    ["cuEventCreate", 2, "out_of_memory"],
    ["cuModuleLoadDataEx", 2, "out_of_memory"],
    ["cuLaunchKernel", 719, "engine_failure"],
    ["cuLaunchCooperativeKernel", 719, "engine_failure"],
    ["cuMemcpyHtoDAsync", 700, "engine_failure"],
    ["cuMemcpyDtoHAsync", 700, "engine_failure"],
  ] as const)("in %s (%i) is an error, and nothing is left", async (call, result, code) => {
    const config = smallConfig();
    const { driver, open } = await fakeDevices();
    driver.fail({ call, at: 1, times: 1, result });
    const work = async (): Promise<void> => {
      const { createCudaBackend } = await import("../src/cuda-backend.js");
      const backend = await createCudaBackend(config, await open());
      try {
        await backend.writeParameters(initialParameters(config, 5));
        await backend.run(requestOf(config));
      } finally {
        backend.dispose();
      }
    };
    const before = driver.statistics().calls;
    await work().then(
      () => expect(Object.keys(before), "the call was not made").toContain(call),
      (error: unknown) => expect(error).toMatchObject({ name: "RingEngineError", code }),
    );
    expect(driver.statistics()).toMatchObject(nothing);
    driver.dispose();
  });

  it("is said of a kernel that ran into a fault, and of a device that went away", async () => {
    for (const fault of [{ sticky_result: 700 }, { lost: true }]) {
      const config = smallConfig();
      const { create, driver } = await fakeCudaOfTest();
      const backend = await create(config);
      driver.configure(0, fault);
      await expect(backend.run(requestOf(config))).rejects.toMatchObject({
        name: "RingEngineError",
        code: "engine_failure",
      });
      backend.dispose();
    }
  });
});
