import { describe, expect, it } from "vitest";
import { type DeviceHealth, preflight } from "../src/index.js";
import { cpuReport, gpuReport, uuidOf } from "./reports.js";

const healthy = gpuReport(1).devices[0]!.health!;

/** A report whose second GPU has this health. */
function withHealth(health: DeviceHealth | null): ReturnType<typeof gpuReport> {
  const report = gpuReport(2);
  return {
    ...report,
    devices: report.devices.map((device) => (device.ordinal === 1 ? { ...device, health } : device)),
  };
}

describe("the preflight of a node", () => {
  it("finds a healthy node fit, and one without a GPU without one", () => {
    expect(preflight(gpuReport(8))).toEqual({ status: "fit", problems: [] });
    expect(preflight(cpuReport())).toEqual({ status: "no_gpu", problems: [] });
  });

  it.each([
    ["ecc_uncorrected", "unfit", { ecc: { ...healthy.ecc!, uncorrected_volatile: 1 } }],
    ["row_remap_failed", "unfit", { remapped_rows: { ...healthy.remapped_rows!, failed: true } }],
    ["row_remap_pending", "unfit", { remapped_rows: { ...healthy.remapped_rows!, pending: true } }],
    ["hardware_slowdown", "unfit", { throttle_reasons: ["hw_thermal_slowdown"] }],
    ["hardware_slowdown", "unfit", { throttle_reasons: ["gpu_idle", "hw_power_brake_slowdown"] }],
    ["thermal_slowdown", "degraded", { throttle_reasons: ["sw_thermal_slowdown"] }],
    ["pcie_width", "degraded", { pcie: { ...healthy.pcie!, width: 8 } }],
    ["health_unknown", "unknown", { throttle_reasons: null }],
    ["health_unknown", "unknown", { pcie: null }],
  ] as const)("sees %s, and that the node is %s", (code, status, change) => {
    const found = preflight(withHealth({ ...healthy, ...change }));
    expect(found.status).toBe(status);
    expect(found.problems).toMatchObject([{ code, severity: status, ordinal: 1, uuid: uuidOf(1) }]);
  });

  it.each([
    { ecc: null },
    { ecc: { ...healthy.ecc!, corrected_volatile: 100, uncorrected_aggregate: 2 } },
    { remapped_rows: null },
    { remapped_rows: { ...healthy.remapped_rows!, correctable: 3, uncorrectable: 1 } },
    { throttle_reasons: ["sw_power_cap"] },
    { throttle_reasons: ["applications_clocks_setting"] },
    { pcie: { width: 16, max_width: 16, generation: 1, max_generation: 5 } },
  ])("finds no fault in %j", (change) => {
    expect(preflight(withHealth({ ...healthy, ...change }))).toEqual({ status: "fit", problems: [] });
  });

  it("takes a GPU that says nothing for unknown, with the reason there is", () => {
    const report = { ...withHealth(null), reasons: { "devices/1/health": "NVML: insufficient permissions" } };
    expect(preflight(report)).toMatchObject({
      status: "unknown",
      problems: [{ code: "health_unknown", why: expect.stringContaining("insufficient permissions") as string }],
    });
  });

  it("is the worst of its problems, all of which it lists", () => {
    const found = preflight(
      withHealth({ ...healthy, pcie: { ...healthy.pcie!, width: 1 }, throttle_reasons: ["hw_slowdown"] }),
    );
    expect(found.status).toBe("unfit");
    expect(found.problems.map(({ code }) => code)).toEqual(["hardware_slowdown", "pcie_width"]);
  });
});
