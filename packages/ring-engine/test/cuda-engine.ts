import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadAddon } from "@vrx/native-cuda";
import { type FakeDriver, type FakeDriverOptions, fakeDriver, fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { onTestFinished } from "vitest";
import type { RingConfig } from "../src/backend.js";
import { type CudaBackend, createCudaBackend } from "../src/cuda-backend.js";
import type { RingDevice } from "../src/internal/ring-device.js";
import { findRingDevice } from "../src/native-ring-device.js";
import type { GoldenEngine } from "../src/replay-golden.js";

const image = fileURLToPath(
  new URL(`../build/kernels/ring_engine/host-${process.platform}-${process.arch}.so`, import.meta.url),
);
const library = fakeDriverLibrary();
const addon = loadAddon();

/** Why nothing of the cuda engine can run here; without a compiler there is nothing to test. */
export const noFakeDevice: string | null =
  addon.status === "unavailable"
    ? addon.message
    : library.status === "unavailable"
      ? library.message
      : existsSync(image)
        ? null
        : `the kernels were not compiled for the fake driver: ${image}`;
if (noFakeDevice !== null) console.log(`skipped: ${noFakeDevice}`);

/** Opens devices of a fake driver of its own. */
export async function fakeDevices(
  options: FakeDriverOptions = {},
): Promise<{ readonly driver: FakeDriver; readonly open: () => Promise<RingDevice> }> {
  const driver = fakeDriver(options);
  await driver.open();
  const found = await findRingDevice("cuda:0", driver.library);
  if (found.status === "unavailable") throw new Error(found.message);
  return { driver, open: found.open };
}

/** The engine on a fake device; backends are disposed of by whoever makes them. */
export async function fakeCuda(
  options: FakeDriverOptions = {},
): Promise<{ readonly driver: FakeDriver; readonly create: (config: RingConfig) => Promise<CudaBackend> }> {
  const { driver, open } = await fakeDevices(options);
  return { driver, create: async (config) => createCudaBackend(config, await open()) };
}

/** The same for one test, which ends with nothing left on the device. */
export async function fakeCudaOfTest(options: FakeDriverOptions = {}): ReturnType<typeof fakeCuda> {
  const made = await fakeCuda(options);
  onTestFinished(() => made.driver.dispose());
  return made;
}

/** An engine for replays, on a fake device. */
export async function cudaGoldenEngine(options: FakeDriverOptions = {}): Promise<GoldenEngine> {
  const { create } = await fakeCuda(options);
  return { kind: "cuda", precisions: ["fp64", "fp32"], createBackend: create };
}
