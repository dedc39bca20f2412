import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { addonFunctions } from "../src/native-addon.js";
import { held, nothingToTest, onFake } from "./on-a-fake-driver.js";

const code = (wanted: string): Error => expect.objectContaining({ code: wanted }) as Error;
const program = (name: string): string => fileURLToPath(new URL(`programs/${name}`, import.meta.url));
const built = existsSync(new URL("../dist/index.js", import.meta.url));
if (!built) console.log("skipped: tests of processes and workers need the build");

describe.skipIf(nothingToTest)("what was disposed of", () => {
  it("stays so, however often, and every use of it is refused", async () => {
    const { context, memory } = await onFake();
    const [buffer, other] = [context.alloc(64), context.alloc(64)];
    const [stream, event, host] = [context.createStream(), context.createEvent(), context.allocHost(64)];
    for (const thing of [buffer, stream, event, host]) {
      expect(thing.disposed).toBe(false);
      thing.dispose();
      thing.dispose();
      expect(thing.disposed).toBe(true);
    }
    expect(memory.counters.allocations).toMatchObject({ current: 1, total: 2 });
    const uses: readonly (() => unknown)[] = [
      () => buffer.fill(0),
      () => buffer.copyFromSync(new Uint8Array(1)),
      () => buffer.copyToSync(new Uint8Array(1)),
      () => buffer.copyFromBuffer(other),
      () => other.copyFromBuffer(buffer),
      () => buffer.facts(),
      () => buffer.export(),
      () => buffer.chunks(),
      () => other.fill(0, { stream }),
      () => stream.idle,
      () => stream.wait(event),
      () => stream.capture(() => undefined),
      () => event.record(),
      () => event.done,
      () => other.copyFromHost(host),
    ];
    for (const use of uses) expect(use, String(use)).toThrow(code("disposed"));
    await expect(buffer.copyFrom(new Uint8Array(1))).rejects.toThrow(code("disposed"));
    await expect(buffer.copyTo(new Uint8Array(1))).rejects.toThrow(code("disposed"));
    await expect(stream.synchronize()).rejects.toThrow(code("disposed"));
    other.dispose();
    context.dispose();
    expect(() => context.alloc(1)).toThrow(code("disposed"));
    expect(() => context.memoryInfo()).toThrow(code("disposed"));
  });

  it("keeps the driver's context until the last thing made in it goes", async () => {
    const { fake, context } = await onFake();
    const buffer = context.alloc(64);
    context.dispose();
    buffer.fill(1);
    const bytes = new Uint8Array(64);
    buffer.copyToSync(bytes);
    expect(bytes[63]).toBe(1);
    expect(fake.statistics().contexts).toBe(1);
    buffer.dispose();
    expect(held(fake)).toEqual({});
  });

  it("is what `using` disposes of", async () => {
    const { context, memory } = await onFake();
    const buffer = context.alloc(64);
    buffer[Symbol.dispose]();
    expect(memory.counters.allocations.current).toBe(0);
  });

  it("has no address to be seen: nothing of a buffer's is enumerable but its size and where it came from", async () => {
    const { context } = await onFake();
    const buffer = context.alloc(64, { label: "weights" });
    expect(Object.keys(buffer).sort()).toEqual(["access", "bytes", "context", "label", "read_only_enforced"]);
    buffer.dispose();
  });

  it("is refused where it belongs to something else than what it says", async () => {
    const { context } = await onFake();
    expect(() => context.alloc(64).copyFromBuffer({ bytes: 64, disposed: false } as never)).toThrow();
    const addon = addonFunctions();
    for (const junk of [undefined, null, 1, "text", {}, [], Symbol("s"), () => 0]) {
      expect(() => addon.dispose(junk as never)).toThrow(code("invalid_argument"));
      expect(() => addon.bufferFacts(junk as never)).toThrow(code("invalid_argument"));
    }
  });
});

describe.skipIf(nothingToTest || !built)("what nobody disposes of", () => {
  it("is freed when it is collected, with a warning that says what it was", () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--expose-gc", program("forgets-buffers.mjs")], {
      encoding: "utf8",
    });
    expect(stderr).toMatch(
      /VRX_CUDA_LEAK.*CudaLeakWarning: a device buffer of 4096 bytes on GPU-.* \(forgotten\) was never/,
    );
    expect(JSON.parse(stdout)).toEqual({ device_allocations: 0, counted: 0 });
    expect(status).toBe(0);
  });

  it("ends with a process that exits in the middle of work, without a crash", () => {
    for (const how of ["exit", "return", "throw"]) {
      const { stdout, stderr, status, signal } = spawnSync(process.execPath, [program("leaves-work-behind.mjs"), how], {
        encoding: "utf8",
      });
      expect(signal, stderr).toBeNull();
      expect(status, stderr).toBe(how === "throw" ? 7 : 0);
      expect(stdout).toBe("busy\n");
    }
  });

  it("ends with its worker thread, while others work on", async () => {
    const { fake, context } = await onFake({ devices: 2 });
    const mine = context.alloc(64);
    mine.fill(9);
    const before = held(fake);
    const run = async (device: number): Promise<unknown> => {
      const worker = new Worker(program("works-in-a-thread.mjs"), { workerData: { library: fake.library, device } });
      const messages: unknown[] = [];
      worker.on("message", (message) => messages.push(message));
      await new Promise((resolve, reject) => {
        worker.on("error", reject);
        worker.on("exit", resolve);
      });
      return messages;
    };
    // Two threads at a time, on one device and on two.
    const results = await Promise.all([run(0), run(0), run(1), run(1)]);
    expect(results).toEqual(Array(4).fill([{ sum: 64 * 50 * 5, left: 3 }]));
    await sleep(0);
    expect(held(fake)).toEqual(before);
    const bytes = new Uint8Array(64);
    mine.copyToSync(bytes);
    expect(bytes[0]).toBe(9);
    mine.dispose();
  });

  it("was never there where the package is only imported: no driver is loaded, nor the addon", () => {
    for (const [script, expected] of [
      ["imports-only.mjs", { before: [], after: [] }],
      ["imports-only.cjs", { before: [], after: [] }],
    ] as const) {
      const found: unknown = JSON.parse(execFileSync(process.execPath, [program(script)], { encoding: "utf8" }));
      expect(found, script).toEqual(expected);
    }
  });
});
