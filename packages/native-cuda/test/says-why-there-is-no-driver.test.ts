import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { MINIMUM_DRIVER_API, isCudaError, openDevice, openDriver, probeDevices } from "../src/index.js";
import { loadAddonFrom } from "../src/native-addon.js";
import { fakeDriver } from "../src/testing/index.js";
import { nothingToTest } from "./on-a-fake-driver.js";

const folder = mkdtempSync(join(tmpdir(), "vrx-driver-"));
const visible = process.env["CUDA_VISIBLE_DEVICES"];
afterEach(() => {
  if (visible === undefined) delete process.env["CUDA_VISIBLE_DEVICES"];
  else process.env["CUDA_VISIBLE_DEVICES"] = visible;
});
afterAll(() => rmSync(folder, { recursive: true }));

const hasDriver = ["/dev/nvidiactl", "/dev/dxg"].some((file) => existsSync(file));
const isRoot = process.getuid?.() === 0;
if (isRoot) console.log("skipped: root may read everything");
if (hasDriver) console.log("skipped: this machine has an NVIDIA driver");

describe.skipIf(nothingToTest)("a driver that cannot be used is a value with a reason", () => {
  it.skipIf(hasDriver)("driver_missing, on a machine without one", async () => {
    const probe = await probeDevices();
    expect(probe).toMatchObject({ status: "unavailable", reason: "driver_missing", file: null, api_version: null });
    if (probe.status === "unavailable") expect(probe.fix).not.toBe("");
  });

  it("driver_missing, for a file that is not there or is no library", async () => {
    const text = join(folder, "libtext.so");
    writeFileSync(text, "no library");
    for (const library of [join(folder, "none.so"), text]) {
      const open = await openDriver({ library });
      expect(open).toMatchObject({ status: "unavailable", reason: "driver_missing" });
      if (open.status === "unavailable") expect(open.message).toContain(library);
    }
  });

  it.skipIf(isRoot)("permission, for a driver that may not be read", async () => {
    const fake = fakeDriver();
    const library = join(folder, "unreadable.so");
    copyFileSync(fake.library, library);
    chmodSync(library, 0);
    expect(await openDriver({ library })).toMatchObject({ status: "unavailable", reason: "permission" });
    fake.dispose();
  });

  it.each([
    ["stub_library", { stub: true }, 34, "CUDA_ERROR_STUB_LIBRARY"],
    ["no_device", { devices: 0 }, 100, "CUDA_ERROR_NO_DEVICE"],
    ["permission", { init_result: 800 }, 800, "CUDA_ERROR_NOT_PERMITTED"],
    ["init_error", { init_result: 999 }, 999, "CUDA_ERROR_UNKNOWN"],
    ["init_error", { init_result: 802 }, 802, "CUDA_ERROR_SYSTEM_NOT_READY"],
    ["init_error", { init_result: 803 }, 803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"],
  ] as const)("%s, from what the driver answers", async (reason, options, cuda_result, cuda_name) => {
    const fake = fakeDriver(options);
    const open = await openDriver({ library: fake.library });
    expect(open).toMatchObject({ status: "unavailable", reason, cuda_result, cuda_name, file: fake.library });
    if (open.status === "unavailable") expect(open.fix.length).toBeGreaterThan(20);
    fake.dispose();
  });

  it("stub_library or driver_too_old, where the library lacks functions, by where it lies", async () => {
    const kernels = fileURLToPath(new URL("../build/kernels-for-launches/launches/", import.meta.url));
    const image = join(kernels, `host-${process.platform}-${process.arch}.so`);
    mkdirSync(join(folder, "stubs"));
    for (const [at, reason] of [
      ["stubs/libcuda.so", "stub_library"],
      ["libcuda.so", "driver_too_old"],
    ] as const) {
      copyFileSync(image, join(folder, at));
      const open = await openDriver({ library: join(folder, at) });
      expect(open).toMatchObject({ status: "unavailable", reason, file: join(folder, at) });
    }
  });

  it("driver_too_old, below the lowest API the kernels run on, which is stated", async () => {
    expect(MINIMUM_DRIVER_API).toBe(13_000);
    const fake = fakeDriver({ api_version: 12_080 });
    const open = await openDriver({ library: fake.library });
    expect(open).toMatchObject({ status: "unavailable", reason: "driver_too_old", api_version: 12_080 });
    if (open.status === "unavailable") expect(open.message).toMatch(/12\.8.*13\.0/);
    // Who has kernels of one's own may go lower.
    expect(await openDriver({ library: fake.library, minimum_api: 12_000 })).toMatchObject({ status: "ok" });
    fake.dispose();
  });

  it("hidden_by_visible_devices, where NVML sees devices that CUDA does not", async () => {
    const fake = fakeDriver({ devices: [{}, {}] });
    process.env["CUDA_VISIBLE_DEVICES"] = "";
    const open = await openDriver({ library: fake.library });
    expect(open).toMatchObject({ status: "unavailable", reason: "hidden_by_visible_devices" });
    if (open.status === "unavailable")
      expect(open.message).toContain('2 device(s) are there, and CUDA_VISIBLE_DEVICES=""');
    fake.dispose();
  });

  it("is thrown by openDevice, with the reason and what to do", async () => {
    const fake = fakeDriver({ devices: 0 });
    const error: unknown = await openDevice(0, { library: fake.library }).catch((thrown: unknown) => thrown);
    expect(isCudaError(error) && error).toMatchObject({
      code: "device_unavailable",
      details: { reason: "no_device" },
    });
    fake.dispose();
  });
});

describe("the addon", () => {
  it("is `not_found` where there is no file, and `broken` where the file is none, with the cause", () => {
    const none = loadAddonFrom([{ file: join(folder, "none.node"), origin: "built" }]);
    expect(none).toMatchObject({ status: "unavailable", reason: "not_found" });
    const file = join(folder, "broken.node");
    writeFileSync(file, "no library");
    const broken = loadAddonFrom([{ file, origin: "prebuilt" }]);
    expect(broken).toMatchObject({ status: "unavailable", reason: "broken" });
    if (broken.status === "unavailable") {
      expect(broken.message).toContain(file);
      expect(broken.fix).toContain("vrx native build");
    }
  });
});
