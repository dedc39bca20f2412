import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DeviceSelector, parseDeviceSelector, resolveDevice } from "../src/index.js";
import { cpuReport, gpuReport, unavailableReasons, uuidOf } from "./reports.js";

function selector(text: string): DeviceSelector {
  const read = parseDeviceSelector(text);
  if (read.status === "invalid") throw new Error(read.message);
  return read.device;
}

describe("resolving a device (INV-GPUTRAIN-002)", () => {
  it("asks nothing of the host for the CPU", () => {
    for (const report of [cpuReport(), gpuReport(2)]) {
      expect(resolveDevice(selector("cpu"), report)).toEqual({
        status: "ok",
        device: { kind: "cpu" },
        uuid: null,
        warning: null,
      });
    }
  });

  it("finds a GPU by its ordinal and by its UUID", () => {
    const report = gpuReport(3);
    const third = { status: "ok", device: { kind: "cuda", ordinal: 2 }, uuid: uuidOf(2), warning: null };
    expect(resolveDevice(selector("cuda:2"), report)).toEqual(third);
    expect(resolveDevice(selector(uuidOf(2)), report)).toEqual(third);
    expect(resolveDevice(selector("auto"), report)).toMatchObject({
      device: { kind: "cuda", ordinal: 0 },
      warning: null,
    });
  });

  it("finds a MIG slice, which is a device of its own", () => {
    const uuid = "MIG-8932f937-d72c-4106-c12f-20bd9faed9f6";
    const [device] = gpuReport(1).devices;
    const report = { ...gpuReport(1), devices: [{ ...device!, uuid, mig: true }] };
    expect(resolveDevice(selector(uuid), report)).toMatchObject({ status: "ok", uuid });
    expect(resolveDevice(selector("MIG-0932f937-d72c-4106-c12f-20bd9faed9f6"), report)).toMatchObject({
      status: "unavailable",
      reason: "unknown_uuid",
    });
  });

  it.each(["cuda:1", "cuda:15"])("refuses %s on a host with one GPU, as if it had none", (text) => {
    const resolved = resolveDevice(selector(text), gpuReport(1));
    expect(resolved).toMatchObject({
      status: "unavailable",
      code: "cuda_not_available",
      reason: "index_out_of_range",
      requested: text,
    });
    expect(resolved.status === "unavailable" && resolved.message).toContain(uuidOf(0));
  });

  it.each(["cuda", "cuda:0", uuidOf(0)])(
    "says of %s on a CPU host what was asked for, the gate and the way out",
    (text) => {
      const resolved = resolveDevice(selector(text), cpuReport());
      const requested = text === "cuda" ? "cuda:0" : text;
      expect(resolved).toMatchObject({ status: "unavailable", code: "cuda_not_available", requested });
      const message = resolved.status === "unavailable" ? resolved.message : "";
      for (const part of [requested, "GATE-GPUTRAIN-002", "rebuild", "--device cpu"]) expect(message).toContain(part);
    },
  );

  it("lets auto become the CPU, with one warning that says why", () => {
    for (const reason of unavailableReasons) {
      const resolved = resolveDevice(selector("auto"), cpuReport(reason));
      expect(resolved).toMatchObject({ status: "ok", device: { kind: "cpu" }, uuid: null });
      expect(resolved.status === "ok" && resolved.warning).toContain(reason);
    }
  });

  it("never makes a CPU of a GPU that was asked for", () => {
    const count = fc.integer({ min: 0, max: 16 });
    const ordinal = fc.integer({ min: 0, max: 15 });
    fc.assert(
      fc.property(count, ordinal, fc.boolean(), (devices, wanted, built) => {
        const report = devices === 0 ? cpuReport() : { ...gpuReport(devices), cuda_feature: built };
        const resolved = resolveDevice({ kind: "cuda", ordinal: wanted }, report);
        if (resolved.status === "ok") expect(resolved.device).toEqual({ kind: "cuda", ordinal: wanted });
        expect(resolved.status === "ok").toBe(built && wanted < devices);
      }),
    );
  });

  it("takes a runtime without a device for no GPU at all", () => {
    const report = { ...gpuReport(1), devices: [] };
    expect(resolveDevice(selector("cuda"), report)).toMatchObject({ status: "unavailable", reason: "no_device" });
  });
});
