import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type CeilingName, type Ceilings, ceilingUnits, measureCeilings } from "../src/ceilings.js";
import { readCeilings, storeCeilings } from "../src/ceilings-store.js";
import { fakeDriver } from "../src/testing/fake-driver.js";
import { kernelFolders, loadPackagedKernels } from "../src/packaged-kernels.js";
import { ceilingResults, expectedCeilingResults } from "./ceiling-results.js";
import { cannotSimulate } from "./simulated.js";

const folder = mkdtempSync(join(tmpdir(), "vrx-ceilings-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const names = Object.keys(ceilingUnits) as CeilingName[];
const sample: Ceilings = {
  gpu_uuid: "GPU-5eed0000-0000-4000-8000-000000000000",
  gpu_name: "a card",
  driver: "580.65.06",
  simulated: false,
  measured_utc: "2026-01-02T03:04:05.000Z",
  figures: Object.fromEntries(
    names.map((name, i) => [name, i % 3 === 0 ? { value: null, why: "not here" } : { value: 1e9 + i, why: null }]),
  ) as Ceilings["figures"],
};

describe.skipIf(cannotSimulate !== null)("measuring ceilings", () => {
  it.each(Object.entries(expectedCeilingResults))("%s does the operations that are counted", async (name, expected) => {
    const fake = fakeDriver();
    const context = await (await fake.open()).devices[0]!.openContext();
    const folders = kernelFolders(new URL("../", import.meta.url));
    const module = await loadPackagedKernels(context, folders, "ceilings");
    expect(await ceilingResults(context, module, name)).toEqual(expected);
    for (const each of [module, context, fake]) each.dispose();
  });

  it("runs every measurement on a device, and leaves nothing behind", async () => {
    const fake = fakeDriver();
    const { devices } = await fake.open();
    const asked: CeilingName[] = [];
    const ceilings = await measureCeilings(devices[0]!, {
      onProgress: (name) => asked.push(name),
      matrix_library: join(folder, "libcublas.so"),
    });
    expect(ceilings).toMatchObject({ gpu_uuid: devices[0]!.uuid, driver: "580.65.06", simulated: true });
    expect(Object.keys(ceilings.figures).sort()).toEqual([...names].sort());
    for (const name of names) {
      const { value, why } = ceilings.figures[name];
      if (name.startsWith("matrix")) expect(why).toMatch(/^no product by cuBLAS: .*libcublas\.so/);
      else expect(value, name).toBeGreaterThan(0);
    }
    expect(asked).toEqual(names);
    expect(fake.statistics()).toMatchObject({ device_allocations: 0, contexts: 0, host_allocations: 0 });
    await expect(storeCeilings(ceilings, { folder })).rejects.toMatchObject({ code: "invalid_argument" });
    fake.dispose();
  });

  it("multiplies matrices where there is a library for that", async () => {
    const library = join(folder, "libmultiplies.so");
    const source = fileURLToPath(new URL("programs/cublas.c", import.meta.url));
    execFileSync("cc", ["-shared", "-fPIC", "-O1", source, "-o", library]);
    const fake = fakeDriver();
    const { devices } = await fake.open();
    const { figures } = await measureCeilings(devices[0]!, { matrix_library: library });
    expect(figures.matrix_fp32.value).toBeGreaterThan(0);
    expect(figures.matrix_tf32.value).toBeGreaterThan(0);
    expect(fake.statistics()).toMatchObject({ device_allocations: 0, contexts: 0 });
    fake.dispose();
  });

  it("ends when it is told to", async () => {
    const fake = fakeDriver();
    const { devices } = await fake.open();
    const abort = new AbortController();
    const measured = measureCeilings(devices[0]!, {
      signal: abort.signal,
      onProgress: (name) => name === "integer_add" && abort.abort(new Error("enough")),
    });
    await expect(measured).rejects.toThrow("enough");
    expect(fake.statistics()).toMatchObject({ device_allocations: 0, contexts: 0, host_allocations: 0 });
    fake.dispose();
  });
});

describe("keeping ceilings", () => {
  it("finds what was kept for the same card and driver, and for no other", async () => {
    const file = await storeCeilings(sample, { folder });
    expect(await readCeilings(sample.gpu_uuid, sample.driver, { folder })).toEqual(sample);
    expect(await readCeilings(sample.gpu_uuid, "590.1", { folder })).toBeNull();
    expect(await readCeilings("GPU-other", sample.driver, { folder })).toBeNull();
    for (const text of [
      "{",
      "{}",
      JSON.stringify({ ...sample, figures: {} }),
      JSON.stringify({ ...sample, driver: "x" }),
    ]) {
      writeFileSync(file, text);
      expect(await readCeilings(sample.gpu_uuid, sample.driver, { folder })).toBeNull();
    }
  });

  it("uses the user's folder for state", async () => {
    const before = process.env["XDG_STATE_HOME"];
    process.env["XDG_STATE_HOME"] = folder;
    try {
      expect(await storeCeilings(sample)).toBe(
        join(folder, "vrx/ceilings/GPU-5eed0000-0000-4000-8000-000000000000_580.65.06.json"),
      );
      expect(await readCeilings(sample.gpu_uuid, sample.driver)).toEqual(sample);
    } finally {
      if (before === undefined) delete process.env["XDG_STATE_HOME"];
      else process.env["XDG_STATE_HOME"] = before;
    }
  });
});
