import { describe, expect, it } from "vitest";
import {
  type GpuSample,
  isCudaError,
  nvmlOfDevice,
  openNvml,
  readGpu,
  sampleGpu,
  throttleReasons,
} from "../src/index.js";
import { fakeDriver } from "../src/testing/index.js";
import { nothingToTest, onFake } from "./on-a-fake-driver.js";

const uuid = (digit: string): string => `GPU-${digit.repeat(8)}-0000-4000-8000-000000000000`;

describe.skipIf(nothingToTest)("NVML", () => {
  it("tells the figures of a device, in the units of their names", async () => {
    const fake = fakeDriver({
      devices: [
        {
          uuid: uuid("a"),
          memory_bytes: 1 << 30,
          figures: {
            power_mw: 123_456,
            energy_mj: 7_500,
            temperature_c: 66,
            throttle_reasons: 0x04 | 0x40,
            ecc_uncorrected: 2,
            remapped_pending: 1,
            pcie_width: 8,
            utilization_gpu: 97,
          },
          processes: [
            { pid: 77, used_bytes: 1 << 20 },
            { pid: 78, used_bytes: null },
          ],
        },
      ],
    });
    const nvml = await fake.openNvml();
    const sample = await readGpu(nvml, uuid("a"));
    expect(sample).toMatchObject({
      uuid: uuid("a"),
      board_uuid: uuid("a"),
      memory: { total_bytes: 1 << 30 },
      power_w: 123.456,
      energy_j: 7.5,
      temperature_c: 66,
      throttle_reasons: ["sw_power_cap", "hw_thermal_slowdown"],
      ecc: { enabled: true, uncorrected_volatile: 2 },
      remapped_rows: { pending: true, failed: false },
      pcie: { width: 8, max_width: 16 },
      gpu_utilization_pct: 97,
      unavailable: [],
    });
    expect(sample.compute_processes).toEqual([
      { pid: 77, used_bytes: 1 << 20 },
      { pid: 78, used_bytes: null },
    ]);
    fake.dispose();
  });

  it("decodes every reason for running slower", () => {
    expect(throttleReasons(0)).toEqual([]);
    expect(throttleReasons(0x1ff)).toHaveLength(9);
    expect(throttleReasons(0x04 | 0x08 | 0x40)).toEqual(["sw_power_cap", "hw_slowdown", "hw_thermal_slowdown"]);
  });

  it("finds devices by UUID, whatever CUDA's order and whatever it hides", async () => {
    const fake = fakeDriver({
      devices: [
        { uuid: uuid("a"), hidden: true },
        { uuid: uuid("b"), name: "the second" },
      ],
    });
    const driver = await fake.open();
    expect(driver.devices.map((device) => device.uuid)).toEqual([uuid("b")]);
    const nvml = await nvmlOfDevice(driver.devices[0]!);
    expect(nvml.deviceUuids()).toEqual([uuid("a"), uuid("b")]);
    expect(nvml.deviceName(driver.devices[0]!.uuid)).toBe("the second");
    await expect(readGpu(nvml, uuid("c"))).rejects.toThrow(expect.objectContaining({ code: "not_found" }) as Error);
    fake.dispose();
  });

  it("gives a MIG instance's own memory, and the board's clocks", async () => {
    const instance = { uuid: "MIG-11111111-2222-3333-4444-555555555555", memory_bytes: 10 << 20 };
    const fake = fakeDriver({ devices: [{ uuid: uuid("a"), mig: [instance] }] });
    const nvml = await fake.openNvml();
    const sample = await readGpu(nvml, instance.uuid);
    expect(sample).toMatchObject({ uuid: instance.uuid, board_uuid: uuid("a"), mig_mode: true });
    expect(sample.memory.total_bytes).toBe(10 << 20);
    expect(sample.sm_clock_mhz).toBeGreaterThan(0);
    fake.dispose();
  });

  it("gives null with a reason for what is not available, never a number", async () => {
    const { fake, driver } = await onFake();
    for (const call of [
      "nvmlDeviceGetPowerUsage",
      "nvmlDeviceGetTotalEnergyConsumption",
      "nvmlDeviceGetTemperature",
      "nvmlDeviceGetCurrentClocksEventReasons",
      "nvmlDeviceGetComputeRunningProcesses_v3",
      "nvmlDeviceGetRemappedRows",
      "nvmlDeviceGetEccMode",
    ]) {
      fake.fail({ call, times: Infinity, result: 3 });
    }
    const sample = await readGpu(await fake.openNvml(), driver.devices[0]!.uuid);
    expect(sample).toMatchObject({
      power_w: null,
      energy_j: null,
      temperature_c: null,
      throttle_reasons: null,
      compute_processes: null,
      ecc: { enabled: null },
      remapped_rows: { correctable: null, pending: null, failed: null },
    });
    expect(sample.unavailable).toContainEqual({ figure: "power_mw", result: "NVML_ERROR_NOT_SUPPORTED" });
    expect(sample.sm_clock_mhz).toBeGreaterThan(0);
  });

  it("says why it is not there", async () => {
    expect(await openNvml({ library: "/none/libnvidia-ml.so" })).toMatchObject({ reason: "library_missing" });
    for (const [nvml_init_result, reason] of [
      [9, "driver_not_loaded"],
      [4, "permission"],
      [999, "init_error"],
    ] as const) {
      const fake = fakeDriver({ nvml_init_result });
      const open = await openNvml({ library: fake.library });
      expect(open).toMatchObject({ status: "unavailable", reason });
      if (open.status === "unavailable") expect(open.fix).not.toBe("");
      fake.dispose();
    }
  });

  it("has a device's attestation for a nonce, or null where there is none to have", async () => {
    const fake = fakeDriver({ conf_compute: { environment: 2, feature: 1, dev_tools: 0 } });
    const nvml = await fake.openNvml();
    const [device] = nvml.deviceUuids();
    expect(nvml.confCompute()).toEqual({ enabled: true, environment: "production", dev_tools: false });
    const [one, other] = await Promise.all(
      [1, 2].map((byte) => nvml.attestation(device!, new Uint8Array(32).fill(byte))),
    );
    expect(one!.report.byteLength).toBeGreaterThan(0);
    expect(one!.report).not.toEqual(other!.report);
    await expect(nvml.attestation(device!, new Uint8Array(31))).rejects.toThrow(/expected 32 bytes/);
    fake.dispose();
    const without = fakeDriver();
    const plain = await without.openNvml();
    expect(await plain.attestation(plain.deviceUuids()[0]!, new Uint8Array(32))).toBeNull();
    without.dispose();
  });
});

describe.skipIf(nothingToTest)("sampling", () => {
  it("streams until the signal, at the interval and never faster", async () => {
    const { driver } = await onFake();
    const stop = new AbortController();
    const samples: GpuSample[] = [];
    for await (const sample of sampleGpu(driver.devices[0]!, { interval_ms: 20, signal: stop.signal })) {
      samples.push(sample);
      if (samples.length === 4) stop.abort();
    }
    expect(samples).toHaveLength(4);
    expect(samples.at(-1)!.time_ms - samples[0]!.time_ms).toBeGreaterThanOrEqual(55);
  });

  it("ends when its consumer does, and before it starts where the signal says so", async () => {
    const { driver } = await onFake();
    for await (const sample of sampleGpu(driver.devices[0]!)) {
      expect(sample.uuid).toBe(driver.devices[0]!.uuid);
      break;
    }
    const stopped = sampleGpu(driver.devices[0]!, { signal: AbortSignal.abort() });
    expect(await stopped.next()).toEqual({ done: true, value: undefined });
    const wrong: unknown = await sampleGpu(driver.devices[0]!, { interval_ms: 0 })
      .next()
      .catch((error: unknown) => error);
    expect(isCudaError(wrong)).toBe(true);
  });
});
