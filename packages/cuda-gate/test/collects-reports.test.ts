import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAddon } from "@vrx/native-cuda";
import { type FakeDriverOptions, fakeDriver, fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { diagnose, gateHost, namedDevice, preflight, verdictFromVersionJsonKeys } from "../src/index.js";
import { collectReport, proveResidency } from "../src/node/index.js";

const addon = loadAddon();
const library = fakeDriverLibrary();
const why = [addon, library].flatMap((part) => (part.status === "unavailable" ? [part.message] : []));
if (why.length > 0) console.log(`skipped: reports of fake drivers: ${why.join("; ")}`);

function fake(options: FakeDriverOptions = {}): { readonly library: string } {
  const driver = fakeDriver(options);
  onTestFinished(() => driver.dispose());
  return { library: driver.library };
}

/** A library that does this as soon as it is loaded; null, with a word on why, where there is no compiler. */
function brokenDriver(body: string): { readonly library: string } | null {
  const folder = mkdtempSync(join(tmpdir(), "vrx-broken-driver-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [source, library] = [join(folder, "driver.c"), join(folder, "libcuda.so")];
  const includes = "#include <stdlib.h>\n#include <unistd.h>\n";
  writeFileSync(source, `${includes}__attribute__((constructor)) static void load(void) { ${body} }\n`);
  const { status } = spawnSync(process.env["CC"] ?? "cc", ["-shared", "-fPIC", "-o", library, source]);
  if (status === 0) return { library };
  console.log("skipped: a broken driver: there is no C compiler");
  return null;
}

it("reports a host as it is, with the three keys and a reason for what is not there", async () => {
  const report = await collectReport();
  expect(verdictFromVersionJsonKeys(Object.keys(report))).toBe("pass");
  expect(report.cuda_runtime_available).toBe(report.visible_devices.length > 0);
  expect(report.visible_devices).toHaveLength(report.devices.length);
  if (report.unavailable !== null) expect(Object.keys(report.reasons).length).toBeGreaterThan(0);
  expect(report.probe.probe_ms).toBeGreaterThanOrEqual(0);
  expect(diagnose(report).state).not.toBe("inconsistent");
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});

it("ends when it is told to", async () => {
  await expect(collectReport({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
});

describe.skipIf(why.length > 0)("the report of a fake driver", () => {
  it("has the driver, the devices and their health, and says that it is none of hardware", async () => {
    const driver = fake({ devices: 2, release: "580.65.06" });
    const report = await collectReport({ driver });
    expect(report).toMatchObject({
      cuda_runtime_available: true,
      visible_devices: ["0:vrx simulated GPU", "1:vrx simulated GPU"],
      simulated: true,
      driver_version: "580.65.06",
      cuda_driver_api: "13.0",
      driver_library: driver.library,
      probe: { method: "driver" },
    });
    expect(report.devices[1]).toMatchObject({
      ordinal: 1,
      uuid: expect.stringMatching(/^GPU-/) as string,
      compute_capability: "9.0",
      total_mib: 2048,
      mig: false,
      health: {
        ecc: { enabled: true, uncorrected_volatile: 0 },
        remapped_rows: { pending: false, failed: false },
        throttle_reasons: [],
        pcie: { width: 16, max_width: 16 },
      },
    });
    expect(preflight(report).status).toBe("fit");
  });

  it.each([
    ["driver_too_old", { api_version: 12_000 }],
    ["no_device", { devices: 0 }],
    ["stub_library", { stub: true }],
    ["init_error", { init_result: 999 }],
    ["hidden_by_visible_devices", { devices: [{ hidden: true }] }],
  ] as const)("is unavailable by %s, with what to do", async (reason, options) => {
    const report = await collectReport({ driver: fake(options) });
    expect(report).toMatchObject({ cuda_runtime_available: false, visible_devices: [], devices: [] });
    expect(report.unavailable).toBe(report.cuda_feature ? reason : "kernels_missing");
    expect(report.reasons["cuda_runtime_available"]?.length).toBeGreaterThan(10);
    expect(diagnose(report).causes.map(({ code }) => code)).toEqual([report.unavailable]);
  });

  it.each([
    ["hangs", "for (;;) sleep(1);", "probe_timeout", /no answer within 3000 ms/],
    ["crashes", "abort();", "probe_crashed", /SIGABRT/],
  ] as const)("comes also of a driver that %s while it is loaded", async (_, body, reason, why) => {
    const driver = brokenDriver(body);
    if (driver === null) return;
    const report = await collectReport({ driver, timeout_ms: 3000 });
    expect(report).toMatchObject({ cuda_runtime_available: false, visible_devices: [], simulated: true });
    expect(report.unavailable).toBe(report.cuda_feature ? reason : "kernels_missing");
    expect(report.reasons["cuda_runtime_available"]).toMatch(why);
    expect(gateHost({ report, expectation: "any", device: namedDevice({}), residency: null }).status).not.toBe("pass");
  });

  it("shows what is wrong with a node", async () => {
    const driver = fake({
      devices: [
        {},
        {
          figures: {
            ecc_uncorrected: 3,
            remapped_pending: 1,
            throttle_reasons: 0x40,
            pcie_width: 4,
          },
        },
      ],
    });
    const { status, problems } = preflight(await collectReport({ driver }));
    expect(status).toBe("unfit");
    expect(problems.map(({ ordinal, code }) => `${ordinal} ${code}`)).toEqual([
      "1 ecc_uncorrected",
      "1 row_remap_pending",
      "1 hardware_slowdown",
      "1 pcie_width",
    ]);
  });

  it("takes what a GPU does not tell for unknown", async () => {
    const figures = { throttle_reasons: null, ecc_mode: { error: 3 }, pcie_width: { error: 4 } };
    const report = await collectReport({ driver: fake({ devices: [{ figures }] }) });
    expect(report.devices[0]?.health).toMatchObject({ throttle_reasons: null, pcie: { width: null } });
    expect(preflight(report).status).toBe("unknown");
  });

  it("gives evidence from a process of its own, which passes nothing", async () => {
    const driver = fake();
    const report = await collectReport({ driver });
    const device_uuid = report.devices[0]!.uuid!;
    const proof = await proveResidency({ device_uuid, driver });
    expect(proof).toMatchObject({ verdict: "fail", decided_by: "in_process", confidence: "high", simulated: true });
    expect(proof.evidence.map(({ method, outcome }) => `${method} ${outcome}`)).toEqual([
      "in_process resident",
      expect.stringMatching(/^nvml /) as string,
      "nvidia_smi unknown",
    ]);
    const gate = gateHost({ report, expectation: "any", device: namedDevice({}), residency: proof });
    expect(gate.status).toBe("inconclusive");
  });
});
