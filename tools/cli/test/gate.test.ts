import { describe, expect, it } from "vitest";
import { vrx } from "./helpers/vrx.js";

/** No GPU is seen by these calls, whatever the machine has. */
const hidden = { CUDA_VISIBLE_DEVICES: "-1" };

interface GateDocument {
  readonly status: string;
  readonly exit_code: number;
  readonly simulated: boolean;
  readonly reasons: readonly string[];
  readonly device: Readonly<Record<string, unknown>>;
  readonly gates: readonly { readonly invariant: string; readonly verdict: string; readonly decides: boolean }[];
}

function gate(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = vrx(["gate", "--json", ...words], { env: { ...hidden, ...env } });
  return { code, stderr, document: (stdout === "" ? null : JSON.parse(stdout)) as GateDocument | null };
}

const fakeMissing = vrx(["gate", "--fake-driver"], { env: hidden }).code === 2;
if (fakeMissing) console.log("skipped: the gate on a fake driver: it is not built here");

describe("vrx gate on a host without a GPU", () => {
  it("passes --expect cpu and --expect any, and says what INV-007 says", () => {
    for (const expectation of ["cpu", "any"]) {
      const { code, document } = gate(["--expect", expectation]);
      expect(document?.reasons).toEqual([]);
      expect({ code, status: document?.status, exit_code: document?.exit_code }).toEqual({
        code: 0,
        status: "pass",
        exit_code: 0,
      });
      const versions = document?.gates.filter(({ invariant }) => invariant === "INV-GPUTRAIN-007");
      expect(versions).toMatchObject([{ verdict: "pass", decides: false }, { decides: false }]);
    }
  });

  it("fails --expect cuda", () => {
    const { code, document } = gate(["--expect", "cuda"]);
    expect(code).toBe(1);
    expect(document?.reasons.join()).toContain("expected cuda, the host is");
  });

  it("warns once when auto becomes the CPU", () => {
    expect(gate([]).stderr.match(/auto runs on the CPU/g)).toHaveLength(1);
    expect(gate(["--device", "cpu"]).stderr).toBe("");
  });

  it.each(["cuda", "cuda:0", "cuda:15", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"])(
    "never makes a CPU of --device %s",
    (device) => {
      const { code, document } = gate(["--device", device]);
      expect(code).toBe(1);
      expect(document?.reasons[0]).toContain("GATE-GPUTRAIN-002");
      expect(document?.device).toMatchObject({ spec: device, source: "--device", resolved: null });
    },
  );

  it.each(["gpu", "CUDA", "cuda:16", "cuda:01", " cpu"])("exits 2 for --device %j, which is none", (device) => {
    const { code, stderr, document } = gate(["--device", device]);
    expect({ code, document }).toEqual({ code: 2, document: null });
    expect(stderr).toContain("--device: INV-GPUTRAIN-001: expected cpu, auto, cuda");
  });

  it("takes the device from the environment, by a fixed order that it tells", () => {
    const both = { APR_TRAIN_DEVICE: "cpu", VRX_TRAIN_DEVICE: "cuda:1" };
    expect(gate([], both).document?.device).toMatchObject({ spec: "cpu", source: "APR_TRAIN_DEVICE", resolved: "cpu" });
    expect(gate([], both).stderr).toContain("VRX_TRAIN_DEVICE (cuda:1) is not used");
    const alias = { VRX_TRAIN_DEVICE: "cpu" };
    expect(gate([], alias).document?.device).toMatchObject({ source: "VRX_TRAIN_DEVICE" });
    expect(gate(["--device", "cpu"], both).document?.device).toMatchObject({ source: "--device" });
    expect(gate([], { APR_TRAIN_DEVICE: "" }).code).toBe(2);
  });

  it("prints a line for every rule", () => {
    const { code, stdout } = vrx(["gate", "--expect", "cpu"], { env: hidden });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^pass: expected cpu, the host is /);
    for (const number of [1, 2, 3, 4, 5, 6, 7]) expect(stdout).toContain(`INV-GPUTRAIN-00${number}`);
  });
});

describe.skipIf(fakeMissing)("on a fake driver", () => {
  const seen = { CUDA_VISIBLE_DEVICES: "0" };

  it.each([
    ["cuda", 3, "inconclusive"],
    ["any", 3, "inconclusive"],
    ["cpu", 1, "fail"],
  ])("vrx gate --expect %s exits %d", (expectation, exit_code, status) => {
    const { code, document } = gate(["--fake-driver", "--expect", expectation], seen);
    expect({ code, document }).toMatchObject({ code: exit_code, document: { exit_code, status, simulated: true } });
    expect(document?.device).toMatchObject({ resolved: "cuda:0" });
  });

  it("vrx gate finds no GPU that is hidden", () => {
    const { code, document } = gate(["--fake-driver", "--device", "cuda"]);
    expect(code).toBe(1);
    expect(document?.reasons[0]).toContain("hidden_by_visible_devices");
  });

  it("vrx doctor --ceilings measures something, says that it is of nothing, and keeps none of it", () => {
    const { code, stdout } = vrx(["doctor", "--json", "--ceilings", "--fake-driver"], { env: seen });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      simulated: true,
      preflight: { status: "fit" },
      residency: { verdict: "fail", decided_by: "in_process", simulated: true },
      ceilings: [{ simulated: true, kept: [], figures: { device_copy: { value: expect.any(Number) as number } } }],
    });
  });
});

describe("vrx doctor", () => {
  it("exits 0 and says what there is, for people", () => {
    const { code, stdout } = vrx(["doctor"], { env: hidden });
    expect(code).toBe(0);
    for (const part of ["GPU support:", "driver:", "state:", "preflight:", "vrx gate would say:"]) {
      expect(stdout).toContain(part);
    }
  });

  it("gives programs the report, the diagnosis and what the gate would say", () => {
    const { code, stdout, stderr } = vrx(["doctor", "--json"], { env: hidden });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      cuda_feature: expect.any(Boolean) as boolean,
      cuda_runtime_available: false,
      visible_devices: [],
      simulated: false,
      diagnosis: { meets_expectation: true, causes: expect.any(Array) as unknown[] },
      preflight: { status: "no_gpu" },
      gate: { cpu: "pass", cuda: "fail", any: "pass" },
    });
  });
});

describe("vrx --version --json", () => {
  it("has the three keys of INV-GPUTRAIN-007, and how they were found", () => {
    const { code, stdout } = vrx(["--version", "--json"], { env: hidden });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      cuda_feature: expect.any(Boolean) as boolean,
      cuda_runtime_available: expect.any(Boolean) as boolean,
      visible_devices: [],
      cuda_archs: expect.any(Array) as unknown[],
      probe: { method: expect.stringMatching(/^(driver|nvidia_smi|none)$/) as string },
    });
  });
});
