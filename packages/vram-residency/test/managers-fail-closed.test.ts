import { randomBytes } from "node:crypto";
import type { FakeDriverOptions } from "@vrx/native-cuda/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AuditEvent } from "../src/audit-event.js";
import { isVramResidencyError } from "../src/errors.js";
import { type TestManager, testVramManager } from "../src/testing/index.js";
import { bundleOfThisRun, withTimeline } from "./proof/allocation-timeline.js";

const MIB = 2 ** 20;
const code = async (promise: Promise<unknown>) => {
  try {
    await promise;
    return "ok";
  } catch (error) {
    if (!isVramResidencyError(error)) throw error;
    expect(`${error.message} ${JSON.stringify(error.details)}`).not.toMatch(/0x[0-9a-f]{6,}/iu);
    return error.code;
  }
};
/** An audit sink that keeps what it is told. */
function recorder() {
  const events: AuditEvent[] = [];
  return {
    events,
    emit: (event: AuditEvent) => void events.push(event),
    emit_failures: 0,
    critical_emit_failures: 0,
    flush: () => undefined,
    close: () => undefined,
  };
}
let opened: TestManager[] = [];
const bundle = bundleOfThisRun("unit");
async function open(options: Parameters<typeof testVramManager>[0] = {}, fake: FakeDriverOptions = {}) {
  const test = await testVramManager(withTimeline(options, bundle), fake);
  opened.push(test);
  return test;
}
afterEach(async () => {
  for (const test of opened) await test[Symbol.asyncDispose]();
  opened = [];
});

describe("capacity", () => {
  it("is what was given, fits exactly, and comes back", async () => {
    const { manager } = await open({ capacity_bytes: 10 * MIB });
    expect(await code(manager.sealModel(randomBytes(20 * MIB)))).toBe("insufficient_vram");
    expect(manager.metrics().allocation_failures).toEqual({ insufficient_vram: 1, driver: 0 });
    const handle = await manager.sealModel(randomBytes(10 * MIB));
    expect([manager.usedVram(), manager.availableVram()]).toEqual([10 * MIB, 0]);
    expect(manager.totalVram()).toBeGreaterThanOrEqual(manager.availableVram());
    handle.dispose();
    expect([manager.usedVram(), manager.availableVram()]).toEqual([0, 10 * MIB]);
  });

  it("is never exceeded by twenty that race, and what is sealed stays valid", async () => {
    const { manager, driver } = await open({ capacity_bytes: 8 * MIB });
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => manager.sealModel(randomBytes(MIB))));
    const sealed = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    expect(sealed).toHaveLength(8);
    expect(new Set(sealed.map(({ shard }) => shard.shard_id)).size).toBe(8);
    expect(refused.every((error) => isVramResidencyError(error) && error.code === "insufficient_vram")).toBe(true);
    expect(manager.usedVram()).toBe(8 * MIB);
    for (const { shard } of sealed) expect((await manager.verifySealed(shard)).status).toBe("verified");
    for (const handle of sealed) handle.dispose();
    expect(driver.statistics().device_allocations).toBe(0);
  });

  it("leaves headroom to others, and warns when it runs low", async () => {
    const audit = recorder();
    const { manager } = await open(
      { headroom: MIB, audit },
      { devices: [{ memory_bytes: 64 * MIB, foreign_bytes: 40 * MIB }] },
    );
    expect(manager.availableVram()).toBeLessThanOrEqual(23 * MIB);
    const room = manager.availableVram();
    await manager.sealModel(randomBytes(room - MIB));
    expect(audit.events.filter(({ event_type }) => event_type === "LowVram")).toHaveLength(1);
    const shared = await open({ headroom: "shared" });
    expect(shared.manager.metrics().headroom_bytes).toBe(2 ** 31);
  });

  it("refuses options that mean nothing", async () => {
    expect(await code(testVramManager({ capacity_bytes: 0 }))).toBe("config_error");
    expect(await code(testVramManager({ capacity_bytes: 1.5 }))).toBe("config_error");
    expect(await code(testVramManager({ capacity_bytes: 2 ** 60 }))).toBe("config_error");
    expect(await code(testVramManager({ headroom: -1 }))).toBe("config_error");
    expect(await code(testVramManager({ boot_nonce: "x" }))).toBe("config_error");
    expect(await code(testVramManager({ device: 3 }))).toBe("config_error");
  });
});

describe("a copy that goes wrong", () => {
  it("is never sealed: the device hashes what arrived", async () => {
    const audit = recorder();
    const { manager, driver } = await open({ audit });
    const bytes = randomBytes(MIB);
    async function* spoilt() {
      yield bytes.subarray(0, MIB / 2);
      await new Promise((resolve) => setTimeout(resolve, 50));
      yield bytes.subarray(MIB / 2);
    }
    // The bytes are flipped on the device once they are there and before they are hashed.
    const progress = () => driver.flipBit({ allocation: -1, offset: 1000 });
    expect(await code(manager.sealModel(spoilt(), { bytes: MIB, onProgress: progress }))).toBe("integrity_violation");
    expect(manager.usedVram()).toBe(0);
    expect(audit.events.at(-1)).toMatchObject({ event_type: "SealFailed" });
    expect(audit.events.map(({ event_type }) => event_type)).toContain("VramDeallocated");
  });

  it.each([
    ["cuMemAlloc", 2, "cuda_allocation_failed"],
    ["cuMemcpyHtoD", 1, "cuda_copy_failed"],
    ["cuMemcpyHtoDAsync", 1, "cuda_copy_failed"],
    ["cuLaunchKernel", 719, "cuda_driver_error"],
  ])("%s giving %d leaves nothing behind", async (call, result, expected) => {
    const { manager, driver } = await open();
    const before = driver.statistics();
    driver.fail({ call, result });
    const outcome = await code(manager.sealModel(randomBytes(3 * MIB)));
    expect(["ok", expected]).toContain(outcome);
    if (outcome === "ok") (await manager.sealModel(randomBytes(10))).dispose();
    if (outcome !== "ok") expect(driver.statistics().device_bytes).toBe(before.device_bytes);
    expect(manager.usedVram() === 0 || outcome === "ok").toBe(true);
  });

  it("is given up when the caller says so", async () => {
    const { manager, driver } = await open();
    const before = driver.statistics().device_bytes;
    const controller = new AbortController();
    async function* endless() {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield new Uint8Array(MIB);
      }
    }
    const sealing = manager.sealModel(endless(), { signal: controller.signal, onProgress: () => controller.abort() });
    expect(await code(sealing)).toBe("aborted");
    expect(manager.usedVram()).toBe(0);
    expect(driver.statistics().device_bytes).toBe(before);
  });
});

it("is switched off by no variable of the environment", async () => {
  const { manager, driver } = await open();
  const { shard } = await manager.sealModel(randomBytes(5000));
  driver.flipBit({ allocation: -1, offset: 4000 });
  const names = ["LLORCH_BDD_MODE", "VRAM_RESIDENCY_FORCE_MOCK", "MOCK_VRAM_MB", "VRX_SKIP_VERIFY", "CI"];
  for (const name of names) vi.stubEnv(name, "1");
  try {
    for (const tier of ["leaves", "tree", "read_back"] as const) {
      expect(await manager.verifySealed(shard, { tier })).toMatchObject({ reason: "digest_mismatch" });
    }
  } finally {
    vi.unstubAllEnvs();
  }
});

describe("a driver that fails", () => {
  it("makes a verification fail, not pass, and says in which way", async () => {
    const audit = recorder();
    const { manager, driver } = await open({ audit });
    const { shard } = await manager.sealModel(randomBytes(MIB));
    driver.fail({ call: "cuMemAlloc", result: 2 });
    const verification = await manager.verifySealed(shard);
    expect(verification).toMatchObject({
      status: "failed",
      reason: "read_failure",
      message: expect.stringMatching(/OUT_OF_MEMORY/u) as string,
    });
    expect(audit.events.at(-1)).toMatchObject({ event_type: "SealVerificationFailed", severity: "critical" });
    expect((await manager.verifySealed(shard)).status).toBe("verified");
  });

  it("that has lost its device fails everything, and disposal does not throw", async () => {
    const { manager, driver } = await open();
    const handle = await manager.sealModel(randomBytes(MIB));
    driver.configure(0, { lost: true });
    expect((await manager.verifySealed(handle.shard)).status).toBe("failed");
    handle.dispose();
    await manager.dispose();
    await manager.dispose();
  });
});

describe("the VRAM-only policy", () => {
  it.each([
    ["an integrated GPU", { attributes: { integrated: 1 } }, "discrete_gpu"],
    ["host page tables (ATS)", { attributes: { pageable_access_uses_host_page_tables: 1 } }, "no_host_page_tables"],
    ["host memory", { pointer_attributes: { 2: 1 } }, "memory_type_device"],
    ["managed memory", { pointer_attributes: { 8: 1 } }, "not_managed"],
    ["another device", { pointer_attributes: { 9: 1 } }, "device_ordinal"],
    ["a range that is too short", { pointer_attributes: { 12: 8 } }, "range"],
    ["a divided GPU without the slice's name", { figures: { mig_mode: 1 } }, "mig_identity"],
    ["a host pointer", { pointer_attributes: { 4: 1 } }, "no_host_pointer"],
  ] as const)("refuses %s", async (_name, device, check) => {
    const audit = recorder();
    const attempt = async () => {
      const { manager } = await open({ audit }, { devices: [device] });
      await manager.sealModel(randomBytes(100));
    };
    await expect(attempt()).rejects.toMatchObject({ code: "policy_violation", details: { checks: check } });
    expect(audit.events.find(({ event_type }) => event_type === "PolicyViolation")).toMatchObject({
      violation: check,
      severity: "critical",
    });
  });

  it("holds a manager to the GPU that was pinned", async () => {
    const other = "GPU-00000000-0000-0000-0000-00000000dead";
    await expect(open({ pinned_uuid: other })).rejects.toMatchObject({ details: { checks: "gpu_uuid" } });
  });

  it("is watched in the background: unhealthy on a violation, healthy when it is gone", async () => {
    const { manager, driver } = await open();
    await manager.sealModel(randomBytes(100));
    const alerts: string[] = [];
    expect(manager.health()).toMatchObject({ last_check_secs: null });
    const monitor = manager.startMonitor({
      interval_s: 0.02,
      onAlert: (violations) => alerts.push(violations.map(({ check }) => check).join()),
    });
    expect(manager.health()).toMatchObject({
      status: "healthy",
      resident: true,
      last_check_secs: 0,
      vram_bytes_used: 100,
    });
    driver.configure(0, { pointer_attributes: { 8: 1 } });
    await until(() => manager.health().status === "unhealthy");
    expect(alerts).toEqual(["not_managed"]);
    expect(manager.isVramOnly()).toBe(false);
    driver.configure(0, { pointer_attributes: { 8: 0 } });
    await until(() => manager.health().status === "healthy");
    expect(alerts).toHaveLength(1);
    monitor[Symbol.dispose]();
    expect(manager.isVramOnly()).toBe(true);
  });

  it("lists what this platform cannot show", async () => {
    const { manager } = await open({}, { devices: [{ attributes: { pageable_memory_access: 1 } }] });
    const { notProvable, proven, violated } = manager.policyReport();
    expect(violated).toEqual([]);
    expect(notProvable.map(({ check }) => check)).toContain("no_host_page_tables");
    expect(proven.map(({ check }) => check)).toContain("discrete_gpu");
  });
});

it("sweeps everything in the background and finds a flipped bit", async () => {
  const { manager, driver } = await open();
  const shards = [];
  for (let i = 0; i < 3; i++) shards.push((await manager.sealModel(randomBytes(50_000 + i))).shard);
  const found: string[] = [];
  const sweep = manager.startSweep({ every_s: 0.01, share: 1, onFailure: ({ shard_id }) => found.push(shard_id) });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(found).toEqual([]);
  // Counted from the start: at the end are the sweep's own.
  driver.flipBit({ allocation: 1, offset: 40_000 });
  await until(() => found.length > 0);
  expect(found[0]).toBe(shards[1]!.shard_id);
  sweep[Symbol.dispose]();
  expect(manager.metrics().verify_operations.failure).toBeGreaterThan(0);
});

it("wipes what it frees", async () => {
  const { manager, driver } = await open();
  const handle = await manager.sealModel(randomBytes(MIB));
  const { calls } = driver.statistics();
  handle.dispose();
  const after = driver.statistics().calls;
  const wipes = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([name]) => name.startsWith("cuMemsetD"))
      .reduce((sum, [, n]) => sum + n, 0);
  expect(wipes(after)).toBeGreaterThan(wipes(calls));
});

it("audits every operation in an order that can be followed", async () => {
  const audit = recorder();
  const { manager } = await open({ audit });
  const handle = await manager.sealModel(randomBytes(100), { correlation_id: "c" });
  await manager.verifySealed(handle.shard);
  handle.dispose();
  await manager.dispose();
  expect(audit.events.map(({ event_type }) => event_type)).toEqual([
    "WorkerStarted",
    "VramAllocated",
    "VramSealed",
    "SealVerified",
    "VramDeallocated",
    "WorkerStopped",
  ]);
});

async function until(condition: () => boolean) {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error("it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
