import { loadAddon } from "@vrx/native-cuda";
import { type FakeDeviceOptions, fakeDriver, fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { gatherResidencyEvidence } from "../src/node/index.js";

const unavailable = [loadAddon(), fakeDriverLibrary()].find(({ status }) => status === "unavailable");
if (unavailable?.status === "unavailable") console.log(`skipped: residency on fake drivers: ${unavailable.message}`);

/** The evidence on a fake device, and what the driver still holds when it was gathered. */
async function gather(options: FakeDeviceOptions, pid = process.pid) {
  const fake = fakeDriver({ devices: [options, {}] });
  onTestFinished(() => fake.dispose());
  const driver = await fake.open();
  const [device] = driver.devices;
  const proof = await gatherResidencyEvidence({ device: device!, pid, window_ms: 0 });
  const { device_allocations, contexts } = fake.statistics();
  expect({ device_allocations, contexts }).toEqual({ device_allocations: 0, contexts: 0 });
  return proof;
}

describe.skipIf(unavailable !== undefined)("residency from inside", () => {
  it("is shown by the context, the pointers and the memory that an allocation takes", async () => {
    const proof = await gather({});
    expect(proof.evidence[0]).toMatchObject({ method: "in_process", outcome: "resident", confidence: "high" });
    expect(proof).toMatchObject({ simulated: true, verdict: "fail", pid: process.pid });
  });

  it.each([
    ["host memory", { 2: 1 }],
    ["another device", { 9: 1 }],
    ["managed memory", { 8: 1 }],
  ])("is refuted by pointers into %s", async (_, pointer_attributes) => {
    const proof = await gather({ pointer_attributes });
    expect(proof.evidence[0]).toMatchObject({ outcome: "absent", confidence: "high" });
    expect(proof.decided_by).toBe("in_process");
  });

  it("goes on with the driver's list where memory is exhausted", async () => {
    const proof = await gather({ memory_bytes: 64 * 2 ** 20, foreign_bytes: 60 * 2 ** 20 });
    expect(proof.evidence[0]).toMatchObject({ outcome: "unknown", confidence: "none" });
  });

  it("is not looked for inside of another process", async () => {
    const proof = await gather({ processes: [{ pid: process.ppid, used_bytes: 2 ** 30 }] }, process.ppid);
    expect(proof.evidence[0]).toMatchObject({ method: "in_process", outcome: "unknown" });
  });

  it("says that a device was lost", async () => {
    const proof = await gather({ sticky_result: 719 }).catch((error: unknown) => error);
    expect(proof).toMatchObject({ evidence: [{ outcome: "absent" }, {}, {}] });
  });
});
