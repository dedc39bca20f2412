import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DiagnosedReport,
  EXPECTATIONS,
  GPU_STATES,
  diagnose,
  verdictFromVersionJsonFields,
} from "../src/index.js";
import { cpuReport, gpuReport, unavailableReasons } from "./reports.js";

const codes = (report: DiagnosedReport, expectation?: (typeof EXPECTATIONS)[number]): string[] =>
  diagnose(report, expectation).causes.map(({ code }) => code);

describe("the diagnosis of a host", () => {
  it("finds a host with GPUs ready", () => {
    expect(diagnose(gpuReport(2), "cuda")).toEqual({
      state: "ready",
      meets_expectation: true,
      conclusive: true,
      causes: [],
    });
    expect(diagnose(gpuReport(16), "any").meets_expectation).toBe(true);
  });

  it.each([
    ["addon_not_built", "not_built"],
    ["kernels_missing", "not_built"],
    ["driver_missing", "built_no_driver"],
    ["stub_library", "built_no_driver"],
    ["driver_too_old", "built_no_driver"],
    ["init_error", "built_no_driver"],
    ["probe_timeout", "built_no_driver"],
    ["probe_crashed", "built_no_driver"],
    ["no_device", "built_driver_no_device"],
    ["permission", "built_driver_no_device"],
    ["hidden_by_visible_devices", "hidden_devices"],
  ] as const)("%s is the state %s, with what to do", (reason, state) => {
    const { causes, ...rest } = diagnose(cpuReport(reason));
    expect(rest).toMatchObject({ state, meets_expectation: true });
    expect(causes.map(({ code }) => code)).toEqual([reason]);
    for (const { why, fix } of causes) expect(Math.min(why.length, fix.length)).toBeGreaterThan(10);
  });

  it("cannot tell what a driver that does not answer has", () => {
    expect(diagnose(cpuReport("probe_timeout"), "cpu").conclusive).toBe(false);
    expect(diagnose({ ...gpuReport(1), simulated: true }, "cuda").conclusive).toBe(false);
    expect(diagnose(cpuReport("driver_missing"), "cpu").conclusive).toBe(true);
  });

  it("calls a build without CUDA where CUDA is expected by its failure mode, with the remedy", () => {
    expect(codes(cpuReport("addon_not_built"), "cuda")).toEqual(["stale_build", "addon_not_built"]);
    const { meets_expectation, causes } = diagnose(cpuReport("addon_not_built"), "cuda");
    expect(meets_expectation).toBe(false);
    expect(causes[0]).toMatchObject({ why: expect.stringContaining("FM-GPUTRAIN-STALE-BUILD") as string });
    expect(causes[0]?.fix).toContain("vrx native build");
  });

  it("lets a CPU host be one, although the shape gate fails for a build with CUDA", () => {
    const report = cpuReport("driver_missing");
    expect(verdictFromVersionJsonFields(report)).toBe("fail");
    expect(diagnose(report, "cpu").meets_expectation).toBe(true);
    expect(diagnose(report, "cuda").meets_expectation).toBe(false);
  });

  it("notices a GPU where none is expected", () => {
    expect(codes(gpuReport(1), "cpu")).toEqual(["gpu_present"]);
    expect(diagnose(gpuReport(1), "cpu").meets_expectation).toBe(false);
  });

  it("sees a driver that this build cannot use", () => {
    const report = { ...gpuReport(1), cuda_feature: false, unavailable: "addon_not_built" as const };
    expect(diagnose(report, "cuda")).toMatchObject({ state: "not_built", meets_expectation: false });
    expect(codes(report)).toEqual(["addon_not_built", "runtime_without_build"]);
  });

  it("needs no more than the three keys of another tool's report", () => {
    const report = (feature: boolean, runtime: boolean, ...visible_devices: string[]): DiagnosedReport => ({
      cuda_feature: feature,
      cuda_runtime_available: runtime,
      visible_devices,
    });
    expect(diagnose(report(true, true, "0:RTX 4090"), "cuda")).toMatchObject({ state: "ready", causes: [] });
    expect(diagnose(report(false, false), "cpu")).toMatchObject({ state: "not_built", meets_expectation: true });
    expect(codes(report(true, false))).toEqual(["runtime_unavailable"]);
  });

  it.each([
    ["available_without_device", { visible_devices: [], devices: [] }],
    ["device_without_runtime", { cuda_runtime_available: false, unavailable: "no_device" }],
    ["device_text", { visible_devices: ["0:"], devices: undefined }],
    ["device_text", { visible_devices: ["RTX 4090"], devices: undefined }],
    ["device_text", { visible_devices: [`0:${"x".repeat(257)}`], devices: undefined }],
    ["duplicate_device", { visible_devices: ["0:a", "0:b"], devices: undefined }],
    ["device_order", { visible_devices: ["1:a", "0:b"], devices: undefined }],
    ["device_order", { visible_devices: ["0:a", "2:b"], devices: undefined }],
    ["devices_disagree", { visible_devices: ["0:another"] }],
  ] as const)("sees the contradiction %s, which meets no expectation", (code, change) => {
    const { devices, ...rest } = { ...gpuReport(1), ...change };
    const report: DiagnosedReport = devices === undefined ? rest : { ...rest, devices };
    expect(codes(report)).toContain(code);
    for (const expectation of EXPECTATIONS) {
      expect(diagnose(report, expectation)).toMatchObject({ state: "inconsistent", meets_expectation: false });
    }
  });

  it("sees two devices with one UUID", () => {
    const report = gpuReport(2);
    const devices = report.devices.map((device) => ({ ...device, uuid: report.devices[0]!.uuid }));
    expect(codes({ ...report, devices })).toEqual(["duplicate_device"]);
  });

  it("takes names of 256 characters, and a device that has no name of its own", () => {
    for (const name of ["x".repeat(256), "(unknown)"]) {
      const report = { cuda_feature: true, cuda_runtime_available: true, visible_devices: [`0:${name}`] };
      expect(diagnose(report, "cuda").meets_expectation).toBe(true);
    }
  });

  it("takes 16 devices and tells what to do with more", () => {
    expect(codes(gpuReport(16), "cuda")).toEqual([]);
    const visible_devices = Array.from({ length: 17 }, (_, index) => `${index}:device`);
    const report = { cuda_feature: true, cuda_runtime_available: true, visible_devices };
    expect(codes(report, "cuda")).toEqual(["too_many_devices"]);
    expect(diagnose(report, "cuda").meets_expectation).toBe(false);
  });

  it("answers every report from the closed sets, and lets cuda be met only where the shape gate passes", () => {
    const report = fc.record({
      cuda_feature: fc.boolean(),
      cuda_runtime_available: fc.boolean(),
      visible_devices: fc.array(fc.oneof(fc.string(), fc.constantFrom("0:a", "1:b", "2:c")), { maxLength: 18 }),
      unavailable: fc.constantFrom(null, ...unavailableReasons),
      simulated: fc.boolean(),
    });
    fc.assert(
      fc.property(report, fc.constantFrom(...EXPECTATIONS), (facts, expectation) => {
        const { state, meets_expectation, causes } = diagnose(facts, expectation);
        expect(GPU_STATES).toContain(state);
        for (const { why, fix } of causes) expect(why.length * fix.length).toBeGreaterThan(0);
        if (!meets_expectation) expect(causes.length).toBeGreaterThan(0);
        if (expectation === "cuda" && meets_expectation) expect(verdictFromVersionJsonFields(facts)).toBe("pass");
      }),
    );
  });
});
