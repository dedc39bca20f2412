import { describe, expect, it } from "vitest";
import { findDevice, openDevice, probeDevices } from "../src/index.js";
import { fakeDriver } from "../src/testing/index.js";
import { nothingToTest, onFake } from "./on-a-fake-driver.js";

const uuid = (digit: string): string => `GPU-${digit.repeat(8)}-0000-4000-8000-000000000000`;

describe.skipIf(nothingToTest)("devices", () => {
  it("are plain data in a probe: what they are, never how to use them", async () => {
    const fake = fakeDriver({
      devices: [
        { name: "A", uuid: uuid("a"), memory_bytes: 1 << 30, compute_capability: [8, 6], pci_bus_id: "0000:41:00.0" },
        { name: "B", uuid: uuid("b"), attributes: { integrated: 1, ecc_enabled: 0, pageable_memory_access: 1 } },
      ],
    });
    const probe = await probeDevices({ library: fake.library });
    expect(probe).toMatchObject({ status: "available", file: fake.library, api_version: 13_000, simulated: true });
    if (probe.status !== "available") return;
    expect(probe.devices).toMatchObject([
      {
        ordinal: 0,
        uuid: uuid("a"),
        name: "A",
        pci_bus_id: "0000:41:00.0",
        compute_capability: { major: 8, minor: 6 },
        total_bytes: 1 << 30,
        integrated: false,
        mig: false,
        simulated: true,
      },
      {
        ordinal: 1,
        uuid: uuid("b"),
        integrated: true,
        ecc_enabled: false,
        attributes: { pageable_memory_access: true },
      },
    ]);
    // Data, all of it: it survives JSON.
    expect(JSON.parse(JSON.stringify(probe))).toEqual(probe);
    fake.dispose();
  });

  it("make no context, and so take no memory, by being looked at", async () => {
    const fake = fakeDriver();
    await probeDevices({ library: fake.library });
    await fake.open();
    expect(fake.statistics()).toMatchObject({ contexts: 0, device_allocations: 0 });
    fake.dispose();
  });

  it("are found by ordinal, by UUID, and by the beginning of one that fits one alone", async () => {
    const { driver } = await onFake({ devices: [{ uuid: uuid("a") }, { uuid: uuid("b") }] });
    expect(findDevice(driver.devices, 1).uuid).toBe(uuid("b"));
    expect(findDevice(driver.devices, uuid("b").toUpperCase()).ordinal).toBe(1);
    expect(findDevice(driver.devices, "GPU-bb").ordinal).toBe(1);
    for (const wrong of [2, -1, 0.5, "GPU-", "GPU-c", ""]) {
      expect(() => findDevice(driver.devices, wrong), String(wrong)).toThrow(/expected one of 0: GPU-aaaaaaaa/);
    }
  });

  it("of a partitioned GPU are MIG instances, by their own UUID and memory", async () => {
    const instance = { uuid: "MIG-11111111-2222-3333-4444-555555555555", memory_bytes: 10 << 20 };
    const { driver } = await onFake({ devices: [{ mig: [instance] }] });
    expect(driver.devices[0]).toMatchObject({ mig: true, uuid: instance.uuid, total_bytes: 10 << 20 });
  });

  it("are the same object however often the driver is opened", async () => {
    const fake = fakeDriver();
    expect(await fake.open()).toBe(await fake.open());
    expect((await openDevice(0, { library: fake.library })).driver).toBe(await fake.open());
    fake.dispose();
  });

  it("say which peers they reach, and two of them do not disturb each other", async () => {
    const { driver, context } = await onFake({ devices: 2 });
    const [first, second] = driver.devices;
    expect(typeof first!.canAccessPeer(second!)).toBe("boolean");
    const other = await second!.openContext();
    const [here, there] = [context.alloc(64), other.alloc(64)];
    here.fill(1);
    there.fill(2);
    await Promise.all([context.synchronize(), other.synchronize()]);
    here.copyFromBuffer(there, { bytes: 32 });
    const bytes = new Uint8Array(64);
    await here.copyTo(bytes);
    expect([bytes[0], bytes[31], bytes[32], bytes[63]]).toEqual([2, 2, 1, 1]);
    expect([here.facts().device_ordinal, there.facts().device_ordinal]).toEqual([0, 1]);
    if (first!.canAccessPeer(second!)) {
      context.enablePeerAccess(other);
      context.enablePeerAccess(other);
    }
    // A stream of one device is refused by the other.
    const stream = other.createStream();
    expect(() => here.fill(0, { stream })).toThrow(/one of the same device/);
    for (const held of [here, there, stream, other]) held.dispose();
  });

  it("that are lost say so, and nothing crashes", async () => {
    const { fake, context } = await onFake();
    const buffer = context.alloc(64);
    fake.configure(0, { lost: true });
    const error: unknown = await context.synchronize().catch((thrown: unknown) => thrown);
    const lost = { code: "device_lost", sticky: true, cuda_result: 999 };
    expect(error).toMatchObject(lost);
    expect((error as Error).message).toMatch(
      /^cuCtxSynchronize: CUDA_ERROR_UNKNOWN \(999\).*; the GPU at \S+ is lost \(NVML_ERROR_GPU_IS_LOST\): look for Xid/,
    );
    expect(() => context.alloc(64)).toThrow(expect.objectContaining(lost) as Error);
    await expect(context.device.openContext()).rejects.toMatchObject(lost);
    fake.configure(0, { lost: false });
    buffer.dispose();
  });

  it.each([46, 304, 401, 719])("that are lost are found out behind result %i too", async (result) => {
    const { fake, context } = await onFake();
    fake.configure(0, { lost: result });
    await expect(context.synchronize()).rejects.toMatchObject({ code: "device_lost", cuda_result: result });
    fake.configure(0, { lost: false });
  });

  it("are not called lost because another one is, or because the driver says an unknown error", async () => {
    const { fake, context } = await onFake({ devices: 2 });
    fake.configure(1, { lost: true });
    fake.fail({ call: "cuCtxSynchronize", result: 999 });
    await expect(context.synchronize()).rejects.toMatchObject({ code: "driver_error", cuda_result: 999 });
    fake.fail({ call: "nvmlInit_v2", result: 9 }, { call: "cuCtxSynchronize", result: 999 });
    await expect(context.synchronize()).rejects.toMatchObject({ code: "driver_error" });
  });
});
