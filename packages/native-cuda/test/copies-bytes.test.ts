import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import { STAGING_BYTES } from "../src/internal/staging.js";
import { bytesOf, held, nothingToTest, onFake } from "./on-a-fake-driver.js";

const folder = mkdtempSync(join(tmpdir(), "vrx-copies-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

// One byte more than two staging buffers: the first is used again.
const large = 2 * STAGING_BYTES + 1;

describe.skipIf(nothingToTest)("copies", () => {
  it.each([1, 4096, STAGING_BYTES, large])("of %i bytes go there and back: views, files, iterables", async (count) => {
    const { context } = await onFake();
    const bytes = bytesOf(count);
    const [source, target] = [join(folder, "source"), join(folder, "target")];
    writeFileSync(source, bytes);
    const file = await open(source);
    const buffer = context.alloc(count);
    for (const from of [bytes, source, pathToFileURL(source), file, chunked(bytes, 65_537)]) {
      buffer.fill(0);
      expect(await buffer.copyFrom(from)).toBe(count);
      const back = new Uint8Array(count);
      expect(await buffer.copyTo(back)).toBe(count);
      expect(Buffer.compare(back, bytes)).toBe(0);
    }
    await file.close();
    await buffer.copyTo(target);
    expect(Buffer.compare(readFileSync(target), bytes)).toBe(0);
    const parts: Uint8Array[] = [];
    for await (const part of buffer.chunks({ chunk_bytes: 1 << 20 })) parts.push(part);
    expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
    buffer.dispose();
  });

  it("take any part to any place, as an array would", async () => {
    const { context } = await onFake();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.nat(300), fc.nat(300), async (size, offset, count) => {
        const model = bytesOf(size, 3);
        const buffer = context.alloc(size);
        buffer.copyFromSync(model);
        const part = bytesOf(count, 5);
        const fits = offset + count <= size;
        const copy = buffer.copyFrom(part, { offset });
        if (fits) {
          await copy;
          model.set(part, offset);
        } else {
          await expect(copy).rejects.toMatchObject({ code: "out_of_range" });
          expect(() => buffer.copyFromSync(part, { offset })).toThrow();
        }
        const back = new Uint8Array(size);
        buffer.copyToSync(back);
        expect(back).toEqual(model);
        buffer.dispose();
      }),
      { numRuns: 60 },
    );
  });

  it("read parts of files, and say where a file ends too early or does not fit", async () => {
    const { context, memory } = await onFake();
    const path = join(folder, "parts");
    writeFileSync(path, bytesOf(1000));
    const buffer = context.alloc(100);
    expect(await buffer.copyFrom(path, { file_offset: 900 })).toBe(100);
    expect(await buffer.copyFrom(path, { file_offset: 10, bytes: 20, offset: 50 })).toBe(20);
    const part = new Uint8Array(20);
    await buffer.copyTo(part, { offset: 50 });
    expect(part).toEqual(bytesOf(1000).subarray(10, 30));
    await expect(buffer.copyFrom(path)).rejects.toMatchObject({ code: "out_of_range" });
    await expect(buffer.copyFrom(path, { file_offset: 990, bytes: 20 })).rejects.toThrow(/ended after 10 of 20 bytes/);
    await expect(buffer.copyFrom(join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(buffer.copyTo(path, { offset: 90, bytes: 20 })).rejects.toMatchObject({ code: "out_of_range" });
    expect(readFileSync(path)).toHaveLength(1000);
    expect(memory.counters.allocations.current).toBe(1);
    buffer.dispose();
  });

  it("read pipes, which have no size and no place", async () => {
    const { context } = await onFake();
    const buffer = context.alloc(100);
    const path = join(folder, "pipe");
    if (spawnSync("mkfifo", [path]).status !== 0) return;
    const writer = spawn("sh", ["-c", `printf 'through a pipe' > '${path}'`]);
    const file = await open(path);
    expect(await buffer.copyFrom(file)).toBe(14);
    await file.close();
    writer.kill();
    const bytes = new Uint8Array(14);
    buffer.copyToSync(bytes);
    expect(Buffer.from(bytes).toString()).toBe("through a pipe");
    buffer.dispose();
  });

  it("end with the signal's reason, and leave nothing behind", async () => {
    const { fake, context } = await onFake();
    const buffer = context.alloc(large);
    const stop = new AbortController();
    const reason = new Error("enough");
    const onProgress = vi.fn(() => stop.abort(reason));
    const copy = buffer.copyFrom(bytesOf(large), { signal: stop.signal, onProgress });
    await expect(copy).rejects.toBe(reason);
    expect(onProgress).toHaveBeenCalledTimes(1);
    await expect(buffer.copyTo(new Uint8Array(8), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    buffer.dispose();
    expect(held(fake)).toEqual({ contexts: 1 });
  });

  it("close the iterable they end early, and pass on what it throws", async () => {
    const { fake, context } = await onFake();
    const buffer = context.alloc(10);
    const closed = vi.fn();
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          await Promise.resolve();
          yield new Uint8Array(STAGING_BYTES);
        }
      } finally {
        closed();
      }
    }
    await expect(buffer.copyFrom(endless())).rejects.toMatchObject({ code: "out_of_range" });
    expect(closed).toHaveBeenCalledTimes(1);
    const broken = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("the disk is gone")) }),
    };
    await expect(buffer.copyFrom(broken)).rejects.toThrow("the disk is gone");
    const wrong = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ value: "text" as never, done: false }) }),
    };
    await expect(buffer.copyFrom(wrong)).rejects.toThrow(/chunks that are Uint8Arrays/);
    await expect(buffer.copyFrom(42 as never)).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(buffer.copyTo(42 as never)).rejects.toMatchObject({ code: "invalid_argument" });
    buffer.dispose();
    expect(held(fake)).toEqual({ contexts: 1 });
  });

  it("hold two staging buffers each, however large they are, and give them back with the context", async () => {
    const { fake, context } = await onFake();
    const buffer = context.alloc(large);
    let most = 0;
    const watch = { onProgress: () => (most = Math.max(most, fake.statistics().host_allocations)) };
    await buffer.copyFrom(bytesOf(large), watch);
    expect(most).toBe(2);
    await Promise.all([buffer.copyFrom(bytesOf(large), watch), buffer.copyTo(new Uint8Array(large), watch)]);
    expect(most).toBe(4);
    // The next copy takes the pair that was kept.
    expect(fake.statistics().host_allocations).toBe(2);
    buffer.dispose();
    context.dispose();
    expect(held(fake)).toEqual({});
  });

  it("leave the event loop free while the device is slow", async () => {
    const { context } = await onFake({ devices: [{ copy_bytes_per_s: 20e6 }] });
    const buffer = context.alloc(STAGING_BYTES);
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 1);
    await buffer.copyFrom(bytesOf(STAGING_BYTES));
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(10);
    buffer.dispose();
  });

  it("between buffers and from fills stay in their bounds", async () => {
    const { context } = await onFake();
    const [a, b] = [context.alloc(64), context.alloc(32)];
    a.fill(0x0102, { width: 2 });
    b.fill(0xdeadbeef, { width: 4, offset: 4, bytes: 8 });
    expect(() => a.copyFromBuffer(b, { bytes: 33 })).toThrow(
      expect.objectContaining({ code: "out_of_range" }) as Error,
    );
    expect(() => b.copyFromBuffer(a)).toThrow(/outside of the target/);
    expect(() => a.fill(256)).toThrow(/from 0 to 255/);
    expect(() => a.fill(1, { width: 4, offset: 2 })).toThrow(/multiples of 4/);
    expect(() => a.fill(1, { offset: 60, bytes: 5 })).toThrow(/outside/);
    expect(() => a.fill(1, { offset: -1 })).toThrow(/offset/);
    b.copyFromBuffer(a, { bytes: 4 });
    const bytes = new Uint8Array(32);
    b.copyToSync(bytes);
    expect(Buffer.from(bytes.subarray(0, 12)).toString("hex")).toBe("02010201efbeaddeefbeadde");
    for (const buffer of [a, b]) buffer.dispose();
  });

  it("with host buffers are enqueued, and their views end with them", async () => {
    const { context } = await onFake();
    const [buffer, host, stream] = [context.alloc(16), context.allocHost(16), context.createStream()];
    host.view.set(bytesOf(16));
    buffer.copyFromHost(host, { stream });
    await stream.synchronize();
    host.view.fill(0);
    buffer.copyToHost(host, { stream, offset: 8, host_offset: 0, bytes: 8 });
    await stream.synchronize();
    expect(host.view.subarray(0, 8)).toEqual(bytesOf(16).subarray(8));
    expect(() => buffer.copyToHost(host, { host_offset: 9, bytes: 8 })).toThrow(/host buffer/);
    // It cannot be carried off to another thread, where it would outlive the memory.
    const { view } = host;
    try {
      structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
    } catch {
      // Newer versions of Node refuse it, older ones copy.
    }
    expect(view.byteLength).toBe(16);
    host.dispose();
    expect(view.byteLength).toBe(0);
    expect(() => buffer.copyToHost(host)).toThrow(expect.objectContaining({ code: "disposed" }) as Error);
    for (const rest of [buffer, stream]) rest.dispose();
  });
});
