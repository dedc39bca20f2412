import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXPECTATIONS, type GpuReport, type ResidencyProof, gateHost, namedDevice } from "../src/index.js";
import { cpuReport, gpuReport, unavailableReasons, uuidOf } from "./reports.js";

const resident: ResidencyProof = {
  verdict: "pass",
  decided_by: "in_process",
  confidence: "high",
  contradicted: false,
  evidence: [{ method: "in_process", outcome: "resident", confidence: "high", used_bytes: 1, why: "it is there" }],
};

function gate(
  report: GpuReport,
  expectation: (typeof EXPECTATIONS)[number],
  option?: string,
  residency: ResidencyProof | null = resident,
): ReturnType<typeof gateHost> {
  return gateHost({ report, expectation, device: namedDevice({ option }), residency });
}

const verdictsOf = ({ rows }: ReturnType<typeof gateHost>): string[] =>
  rows.map(({ invariant, verdict }) => `${invariant.slice(-3)} ${verdict}`);

describe("the gate on a host", () => {
  it("passes a host with a GPU where CUDA is expected, by every rule that a host can show", () => {
    const result = gate(gpuReport(1), "cuda");
    expect(result).toMatchObject({ status: "pass", reasons: [] });
    expect(verdictsOf(result)).toEqual([
      "001 pass",
      "002 pass",
      "003 pass",
      "004 pass",
      "005 not_run",
      "006 not_run",
      "007 pass",
      "007 pass",
    ]);
  });

  it.each([undefined, "cpu", "auto"])("passes a CPU host where one is expected, with --device %s", (option) => {
    const result = gate(cpuReport("driver_missing"), "cpu", option, null);
    expect(result.status).toBe("pass");
    const shape = result.rows.at(-1);
    expect(shape).toMatchObject({ invariant: "INV-GPUTRAIN-007", verdict: "fail", decides: false });
    expect(gate(cpuReport("addon_not_built"), "cpu", option, null).status).toBe("pass");
  });

  it("fails a CPU host where CUDA is expected, by INV-007 and by what it is", () => {
    const result = gate(cpuReport("driver_missing"), "cuda", undefined, null);
    expect(result.status).toBe("fail");
    expect(result.reasons).toEqual([
      "INV-GPUTRAIN-007: built true, available false, 0 devices",
      "expected cuda, the host is built_no_driver",
    ]);
  });

  it("fails a stale build, which the shape gate lets pass", () => {
    const result = gate(cpuReport("addon_not_built"), "cuda", undefined, null);
    expect(result.rows.at(-1)).toMatchObject({ verdict: "pass" });
    expect(result.reasons).toEqual(["expected cuda, the host is not_built"]);
  });

  it("fails a GPU that was asked for and is not there, whatever is expected", () => {
    for (const expectation of EXPECTATIONS) {
      const result = gate(cpuReport(), expectation, "cuda:0", null);
      expect(result.status).toBe("fail");
      expect(verdictsOf(result)).toContain("002 fail");
    }
    expect(gate(gpuReport(1), "any", "cuda:1").reasons[0]).toContain("GATE-GPUTRAIN-002");
  });

  it("fails a device that is none", () => {
    const result = gate(gpuReport(1), "any", "gpu0");
    expect(result).toMatchObject({ status: "fail", resolution: null });
    expect(result.reasons[0]).toMatch(/^INV-GPUTRAIN-001: expected/);
  });

  it("fails where no process could be shown on the GPU", () => {
    expect(gate(gpuReport(1), "any", uuidOf(0), null).reasons).toEqual(["INV-GPUTRAIN-003: no proof was made"]);
    const absent = { ...resident, verdict: "fail" } as const;
    expect(gate(gpuReport(1), "cuda", "cuda", absent).status).toBe("fail");
    expect(gate(gpuReport(1), "any", "cpu", null).status).toBe("pass");
  });

  it("never passes on a simulated GPU", () => {
    for (const expectation of EXPECTATIONS) {
      expect(gate({ ...gpuReport(1), simulated: true }, expectation).status).not.toBe("pass");
    }
    expect(gate({ ...gpuReport(1), simulated: true }, "cuda").status).toBe("inconclusive");
    expect(gate({ ...cpuReport(), simulated: true }, "cpu", undefined, null).status).toBe("inconclusive");
  });

  it("cannot tell what a driver has that does not answer", () => {
    expect(gate(cpuReport("probe_timeout"), "cpu", undefined, null).status).toBe("inconclusive");
    expect(gate(cpuReport("probe_timeout"), "any", undefined, null).status).toBe("inconclusive");
    expect(gate(cpuReport("probe_timeout"), "cuda", undefined, null).status).toBe("fail");
  });

  it("passes for CUDA only with a real device, the driver's word and a proof", () => {
    const report = fc.oneof(
      fc.constantFrom(...unavailableReasons).map((reason) => cpuReport(reason)),
      fc.integer({ min: 1, max: 17 }).map((count) => gpuReport(count)),
    );
    fc.assert(
      fc.property(report, fc.boolean(), fc.boolean(), (facts, simulated, proved) => {
        const result = gate({ ...facts, simulated }, "cuda", undefined, proved ? resident : null);
        const good = facts.devices.length > 0 && facts.devices.length <= 16 && !simulated && proved;
        expect(result.status === "pass").toBe(good);
        expect(result.reasons.length > 0).toBe(!good);
      }),
    );
  });
});
