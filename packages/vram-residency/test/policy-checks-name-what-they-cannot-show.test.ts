import { describe, expect, it } from "vitest";
import {
  type AllocationFacts,
  type PolicyDeviceFacts,
  checkAllocationPolicy,
  checkDevicePolicy,
  summarizePolicy,
} from "../src/policy.js";

const device: PolicyDeviceFacts = {
  ordinal: 0,
  uuid: "GPU-1",
  integrated: false,
  mig_enabled: false,
  driver_model: "none",
  pageable_memory_access: false,
  pageable_memory_access_uses_host_page_tables: false,
};
const allocation: AllocationFacts = {
  memory_type: "device",
  is_managed: false,
  has_host_pointer: false,
  device_ordinal: 0,
  range_bytes: 4096,
};
const expected = { device_ordinal: 0, uuid: "GPU-1", bytes: 4096 };
const outcomes = (change: Partial<PolicyDeviceFacts & AllocationFacts>) =>
  [
    ...checkDevicePolicy({ ...device, ...change }, "GPU-1"),
    ...checkAllocationPolicy({ ...allocation, ...change }, expected),
  ]
    .filter(({ outcome }) => outcome !== "proven")
    .map(({ check, outcome }) => `${check} ${outcome}`);

describe("the VRAM-only policy", () => {
  it("proves all its checks on a discrete GPU under Linux", () => {
    expect(outcomes({})).toEqual([]);
  });

  it.each([
    [{ memory_type: "host" }, "memory_type_device violated"],
    [{ memory_type: "unified" }, "memory_type_device violated"],
    [{ is_managed: true }, "not_managed violated"],
    [{ has_host_pointer: true }, "no_host_pointer violated"],
    [{ device_ordinal: 1 }, "device_ordinal violated"],
    [{ range_bytes: 4095 }, "range violated"],
    [{ uuid: "GPU-2" }, "gpu_uuid violated"],
    [{ integrated: true }, "discrete_gpu violated"],
    [{ mig_enabled: true }, "mig_identity violated"],
    [{ driver_model: "wddm" }, "no_sysmem_fallback violated"],
    [
      { pageable_memory_access: true, pageable_memory_access_uses_host_page_tables: true },
      "no_host_page_tables violated",
    ],
    [{ pageable_memory_access: true }, "no_host_page_tables not_provable"],
    [{ memory_type: null }, "memory_type_device not_provable"],
    [{ driver_model: null }, "no_sysmem_fallback not_provable"],
    [{ integrated: null }, "discrete_gpu not_provable"],
  ] as const)("%j: %s", (change, outcome) => {
    expect(outcomes(change)).toEqual([outcome]);
  });

  it("keeps the worst of several outcomes", () => {
    const good = checkAllocationPolicy(allocation, expected);
    const bad = checkAllocationPolicy({ ...allocation, is_managed: true, memory_type: null }, expected);
    const summary = summarizePolicy([...bad, ...good]);
    expect(summary.find(({ check }) => check === "not_managed")?.outcome).toBe("violated");
    expect(summary.find(({ check }) => check === "memory_type_device")?.outcome).toBe("not_provable");
    expect(summary.find(({ check }) => check === "range")?.outcome).toBe("proven");
  });
});
