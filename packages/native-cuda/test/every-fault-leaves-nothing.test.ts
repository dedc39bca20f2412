import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import {
  type Context,
  type CudaErrorCode,
  type Driver,
  importBuffer,
  isCudaError,
  loadKernels,
  offerBuffer,
  openDriver,
  withStatistics,
} from "../src/index.js";
import { type FakeDriver, fakeDriver } from "../src/testing/index.js";
import { bytesOf, held, nothingToTest, onFake } from "./on-a-fake-driver.js";

const folder = mkdtempSync(join(tmpdir(), "vrx-faults-"));
afterAll(() => rmSync(folder, { recursive: true }));
const kernels = new URL("../build/kernels-for-launches/launches/", import.meta.url);

/** Uses everything there is, and gives back what it got, whatever happens on the way. */
async function useEverything(context: Context, path: string): Promise<void> {
  const used: { dispose(): void }[] = [];
  const keep = <T extends { dispose(): void }>(made: T): T => {
    used.push(made);
    return made;
  };
  try {
    const [buffer, shared] = [keep(context.alloc(4096)), keep(context.alloc(4096, { shareable: true }))];
    const stream = keep(context.createStream());
    const [start, end] = [keep(context.createEvent()), keep(context.createEvent())];
    start.record(stream);
    await buffer.copyFrom(bytesOf(4096), { stream });
    shared.copyFromBuffer(buffer, { stream });
    buffer.fill(1, { stream, bytes: 4 });
    end.record(stream);
    stream.wait(end);
    await stream.synchronize();
    end.elapsedSince_ms(start);
    const module = keep(await loadKernels(context, kernels));
    const increment = module.kernel("increment", ["buffer"]);
    increment.launch({ grid: 1, block: 1, stream }, buffer);
    const graph = keep(stream.capture(() => increment.launch({ grid: 1, block: 1, stream }, buffer)));
    graph.launch({ stream });
    const offer = keep(offerBuffer(shared, path));
    keep(await importBuffer(context, offer.path, { timeout_ms: 2000 }));
    await buffer.copyTo(new Uint8Array(4096), { stream });
    context.memoryInfo();
    await context.synchronize();
  } finally {
    for (const thing of used.reverse()) thing.dispose();
  }
}

const calls: readonly (readonly [string, number, CudaErrorCode])[] = [
  ["cuMemAlloc_v2", 2, "out_of_memory"],
  ["cuMemHostAlloc", 2, "out_of_memory"],
  ["cuMemGetAllocationGranularity", 801, "not_supported"],
  ["cuMemCreate", 2, "out_of_memory"],
  ["cuMemAddressReserve", 2, "out_of_memory"],
  ["cuMemMap", 1, "invalid_argument"],
  ["cuMemSetAccess", 999, "driver_error"],
  ["cuMemExportToShareableHandle", 801, "not_supported"],
  ["cuMemImportFromShareableHandle", 304, "driver_error"],
  ["cuStreamCreateWithPriority", 2, "out_of_memory"],
  ["cuEventCreate", 2, "out_of_memory"],
  ["cuEventRecord", 999, "driver_error"],
  ["cuEventSynchronize", 999, "driver_error"],
  ["cuEventElapsedTime", 600, "busy"],
  ["cuStreamWaitEvent", 999, "driver_error"],
  ["cuStreamSynchronize", 999, "driver_error"],
  ["cuMemcpyHtoDAsync_v2", 999, "driver_error"],
  ["cuMemcpyDtoHAsync_v2", 999, "driver_error"],
  ["cuMemcpyDtoDAsync_v2", 999, "driver_error"],
  ["cuMemsetD8Async", 999, "driver_error"],
  ["cuModuleLoadDataEx", 209, "invalid_image"],
  ["cuModuleGetFunction", 500, "not_found"],
  ["cuLaunchKernel", 701, "launch_out_of_resources"],
  ["cuStreamBeginCapture_v2", 900, "invalid_capture"],
  ["cuStreamEndCapture", 901, "invalid_capture"],
  ["cuGraphInstantiateWithFlags", 2, "out_of_memory"],
  ["cuGraphLaunch", 999, "driver_error"],
  ["cuMemGetInfo_v2", 999, "driver_error"],
  ["cuCtxSynchronize", 999, "driver_error"],
  ["cuCtxPushCurrent_v2", 201, "driver_error"],
];

async function countedContext(fake: FakeDriver): Promise<{ readonly driver: Driver; readonly context: Context }> {
  const driver = await fake.open();
  const context = await driver.devices[0]!.openContext();
  return { driver, context };
}

describe.skipIf(nothingToTest)(
  "a fault of the driver leaves no allocation, no crash, and an error that names it",
  () => {
    it("does nothing of the kind without a fault", async () => {
      const fake = fakeDriver();
      const { context } = await countedContext(fake);
      const memory = withStatistics(context.memory);
      context.memory = memory;
      await useEverything(context, join(folder, "none"));
      expect(memory.counters).toMatchObject({
        bytes: { current: 0, total: 8192 },
        allocations: { current: 0, total: 2 },
      });
      context.dispose();
      expect(held(fake)).toEqual({});
      fake.dispose();
    });

    it.each(calls)("%s fails with %i, at the first and at later calls: %s", async (call, result, code) => {
      for (const at of [1, 2, 3]) {
        const fake = fakeDriver();
        const { context } = await countedContext(fake);
        const memory = withStatistics(context.memory);
        context.memory = memory;
        fake.fail({ call, at, result });
        const error: unknown = await useEverything(context, join(folder, `${call}-${at}`)).catch(
          (thrown: unknown) => thrown,
        );
        // A driver without so many calls of this function does not fail; where it does, the error says where.
        if (error !== undefined) {
          expect(error).toSatisfy(isCudaError);
          expect(error).toMatchObject({ code, cuda_result: result, driver: { call } });
          expect((error as Error).message).toContain(call);
        } else {
          expect(at).toBeGreaterThan(1);
        }
        expect(memory.counters.allocations.current).toBe(0);
        expect(memory.counters.bytes.current).toBe(0);
        context.dispose();
        expect(held(fake), `${call} at ${at}`).toEqual({});
        fake.dispose();
      }
    });

    it.each([
      "cuMemFree_v2",
      "cuMemUnmap",
      "cuMemRelease",
      "cuMemFreeHost",
      "cuStreamDestroy_v2",
      "cuEventDestroy_v2",
      "cuModuleUnload",
      "cuGraphExecDestroy",
    ])("%s fails once while things are given back: it is tried again, and nothing is lost", async (call) => {
      const fake = fakeDriver();
      const { context } = await countedContext(fake);
      fake.fail({ call, result: 999 });
      await useEverything(context, join(folder, call));
      context.dispose();
      expect(held(fake)).toEqual({});
      fake.dispose();
    });

    it("cuMemFree fails for good: dispose says so, once", async () => {
      const { fake, context } = await onFake();
      const buffer = context.alloc(64);
      fake.fail({ call: "cuMemFree_v2", times: 2, result: 999 });
      expect(() => buffer.dispose()).toThrow(/cuMemFree_v2: CUDA_ERROR_UNKNOWN/);
      expect(() => buffer.dispose()).not.toThrow();
    });

    it.each([214, 700, 719])(
      "sticky result %i ends the context, not the process; a new context works",
      async (result) => {
        const fake = fakeDriver();
        onTestFinished(() => fake.dispose());
        const { driver, context } = await countedContext(fake);
        const memory = withStatistics(context.memory);
        context.memory = memory;
        const [buffer, stream, host] = [context.alloc(64), context.createStream(), context.allocHost(64)];
        fake.configure(0, { sticky_result: result });
        const error: unknown = await context.synchronize().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ sticky: true, cuda_result: result });
        expect(() => buffer.fill(0)).toThrow();
        expect(() => context.alloc(64)).toThrow();
        for (const thing of [buffer, stream, host]) thing.dispose();
        context.dispose();
        expect(memory.counters.bytes.current).toBe(0);
        expect(held(fake)).toEqual({});
        const again = await driver.devices[0]!.openContext();
        await useEverything(again, join(folder, `again-${result}`));
        again.dispose();
        expect(held(fake)).toEqual({});
      },
    );

    it("a device that is lost in the middle of work ends it, and nothing hangs", async () => {
      const fake = fakeDriver({ delay_us: 100 });
      onTestFinished(() => fake.dispose());
      const { context } = await countedContext(fake);
      const buffer = context.alloc(1 << 20);
      const copy = buffer.copyFrom(bytesOf(1 << 20), { onProgress: () => fake.configure(0, { lost: true }) });
      const error: unknown = await copy.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "device_lost", sticky: true });
      fake.configure(0, { lost: false });
      buffer.dispose();
      context.dispose();
      expect(held(fake)).toEqual({});
    });

    it("memory that is too small says what was asked for", async () => {
      const { context, memory } = await onFake({ devices: [{ memory_bytes: 1 << 20 }] });
      expect(() => context.alloc(2 << 20)).toThrow(
        /cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY.*2097152 bytes were asked for/,
      );
      expect(() => context.alloc(2 << 20, { shareable: true })).toThrow(/cuMemCreate: CUDA_ERROR_OUT_OF_MEMORY/);
      expect(memory.counters.allocations).toEqual({ current: 0, peak: 0, total: 0 });
      expect(context.memoryInfo()).toEqual({ free_bytes: 1 << 20, total_bytes: 1 << 20 });
    });

    it("a bit that flips is seen by whoever reads", async () => {
      const { fake, context } = await onFake();
      const buffer = context.alloc(64);
      buffer.fill(0);
      await context.synchronize();
      fake.flipBit({ allocation: -1, offset: 10, bit: 3 });
      const bytes = new Uint8Array(64);
      buffer.copyToSync(bytes);
      expect(bytes.indexOf(8)).toBe(10);
      buffer.dispose();
    });

    it.each(["cuDeviceGetCount", "cuDriverGetVersion"])("%s fails: the driver is unavailable", async (call) => {
      const fake = fakeDriver({ failures: [{ call, result: 999 }] });
      expect(await openDriver({ library: fake.library })).toMatchObject({
        status: "unavailable",
        reason: "init_error",
      });
      fake.dispose();
    });

    it.each(["cuDeviceGet", "cuDevicePrimaryCtxRetain"])("%s fails: there is no context", async (call) => {
      const fake = fakeDriver();
      const driver = await fake.open();
      fake.fail({ call, result: call === "cuDeviceGet" ? 101 : 2 });
      await expect(driver.devices[0]!.openContext()).rejects.toSatisfy(isCudaError);
      expect(held(fake)).toEqual({});
      fake.dispose();
    });
  },
);
