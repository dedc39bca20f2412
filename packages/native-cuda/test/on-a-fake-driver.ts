import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import {
  type Context,
  type Driver,
  type KernelModule,
  type StatisticsResource,
  loadAddon,
  loadKernels,
  withStatistics,
} from "../src/index.js";
import { type FakeDriver, type FakeDriverOptions, fakeDriver, fakeDriverLibrary } from "../src/testing/index.js";

const addon = loadAddon();
const library = fakeDriverLibrary();
const kernelFolder = fileURLToPath(new URL("../build/kernels-for-launches/launches/", import.meta.url));

/** True where the addon or the fake driver was not compiled: there is nothing to test. A broken addon is a failure. */
export const nothingToTest =
  (addon.status === "unavailable" && addon.reason === "not_found") ||
  library.status === "unavailable" ||
  !existsSync(kernelFolder);
if (nothingToTest) {
  const why = [addon, library].find(({ status }) => status === "unavailable");
  console.log(
    `skipped where it was not compiled: ${why !== undefined && "message" in why ? why.message : kernelFolder}`,
  );
}

export interface OnFake {
  readonly fake: FakeDriver;
  readonly driver: Driver;
  readonly context: Context;
  readonly memory: StatisticsResource;
}

/** A fake driver of the test's own with a context on its first device, whose memory is counted. */
export async function onFake(options: FakeDriverOptions = {}): Promise<OnFake> {
  const fake = fakeDriver(options);
  onTestFinished(() => fake.dispose());
  const driver = await fake.open();
  const context = await driver.devices[0]!.openContext();
  onTestFinished(() => context.dispose());
  const memory = withStatistics(context.memory);
  context.memory = memory;
  return { fake, driver, context, memory };
}

/** The kernels of `kernels-for-launches`. */
export async function launches(context: Context): Promise<KernelModule> {
  const module = await loadKernels(context, kernelFolder);
  onTestFinished(() => module.dispose());
  return module;
}

/** What a fake driver still holds, without what is none of a test's business. */
export function held(fake: FakeDriver): Readonly<Record<string, number>> {
  const entries = Object.entries(fake.statistics()).filter(([name]) => name !== "launches");
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => Number(entry[1]) > 0));
}

/** Bytes that differ from place to place, the same for the same arguments. */
export function bytesOf(count: number, seed = 7): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) bytes[i] = i * seed + (i >> 8);
  return bytes;
}
