import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { closeExport, importBuffer, offerBuffer } from "../src/index.js";
import { held, launches, nothingToTest, onFake } from "./on-a-fake-driver.js";

const folder = mkdtempSync(join(tmpdir(), "vrx-share-"));
afterAll(() => rmSync(folder, { recursive: true }));
const program = fileURLToPath(new URL("programs/shares-a-buffer.mjs", import.meta.url));
const built = existsSync(new URL("../dist/index.js", import.meta.url));
if (!built) console.log("skipped: tests of two processes need the build");
const code = (wanted: string): Error => expect.objectContaining({ code: wanted }) as Error;

/** Another process that does one thing with a buffer and says what it saw. */
function other(...args: readonly string[]): { readonly child: ChildProcess; readonly answer: Promise<unknown> } {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  const answer = new Promise<unknown>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status) => {
      if (status === 0) resolve(JSON.parse(output));
      else reject(new Error(`the other process ended with ${status}: ${output}`));
    });
  });
  return { child, answer };
}

describe.skipIf(nothingToTest || !built)("a buffer in another process", () => {
  it("is the same memory: what either writes the other reads, and an import for reading stays unwritten", async () => {
    const { fake, context } = await onFake();
    const path = join(folder, "shareable");
    const buffer = context.alloc(10_000, { shareable: true });
    buffer.fill(0x11);
    await context.synchronize();
    const offer = offerBuffer(buffer, path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { answer } = other("import", fake.library, path);
    expect(await answer).toEqual({
      bytes: 10_000,
      first: 0x11,
      access: "read",
      read_only_enforced: true,
      refused: "permission",
      kernel: "kernel_failed",
      written: true,
    });
    const bytes = new Uint8Array(10_000);
    buffer.copyToSync(bytes);
    expect([bytes[0], bytes[1], bytes[9_999]]).toEqual([0x22, 0x11, 0x11]);
    // By descriptor for reading, then for writing.
    expect(offer.taken).toBe(2);
    offer.dispose();
    offer.dispose();
    expect(existsSync(path)).toBe(false);
    buffer.dispose();
    expect(held(fake)).toEqual({ contexts: 1 });
  });

  it("goes by a legacy IPC handle where it is a plain allocation, which nobody can restrict", async () => {
    const { fake, context } = await onFake();
    const path = join(folder, "plain");
    const buffer = context.alloc(4096);
    buffer.fill(0x33);
    await context.synchronize();
    const offer = offerBuffer(buffer, path);
    expect(await other("look", fake.library, path).answer).toMatchObject({
      first: 0x33,
      access: "read",
      read_only_enforced: false,
    });
    offer.dispose();
    buffer.dispose();
    expect(held(fake)).toEqual({ contexts: 1 });
  });

  it("outlives the process that made it, and ends with the one that imported it", async () => {
    const { fake, context } = await onFake();
    const path = join(folder, "outlives");
    const { child, answer } = other("offer", fake.library, path);
    const imported = await importBuffer(context, path);
    child.stdin!.end();
    await answer;
    const bytes = new Uint8Array(imported.bytes);
    imported.copyToSync(bytes);
    expect(new Set(bytes)).toEqual(new Set([0x44]));
    imported.dispose();
    expect(held(fake)).toEqual({ contexts: 1 });
  });

  it("goes to a child as a descriptor among its streams", async () => {
    const { fake, context } = await onFake();
    const buffer = context.alloc(100, { shareable: true });
    buffer.fill(0x55);
    await context.synchronize();
    const exported = buffer.export();
    if (exported.kind !== "descriptor") throw new Error("expected a descriptor");
    const child = spawn(process.execPath, [program, "inherit", fake.library, exported.device_uuid], {
      stdio: ["ignore", "pipe", "inherit", exported.descriptor],
    });
    let output = "";
    child.stdout!.on("data", (data: Buffer) => (output += data.toString()));
    await new Promise((resolve) => child.on("exit", resolve));
    closeExport(exported);
    expect(JSON.parse(output)).toEqual({ first: 0x55, last: 0x55 });
    buffer.dispose();
  });
});

describe.skipIf(nothingToTest)("handing a buffer over", () => {
  it("maps for writing where the driver grants nothing less, and says so", async () => {
    const { context } = await onFake({ devices: [{ read_only_maps: false }] });
    const buffer = context.alloc(100, { shareable: true });
    const offer = offerBuffer(buffer, join(folder, "no-read-only"));
    const imported = await importBuffer(context, offer.path);
    expect(imported).toMatchObject({ access: "read", read_only_enforced: false });
    expect(() => imported.fill(1)).toThrow(code("permission"));
    for (const thing of [imported, offer, buffer]) thing.dispose();
  });

  it("keeps kernels from writing to an import for reading, where the driver does", async () => {
    const { context, fake } = await onFake();
    const buffer = context.alloc(100, { shareable: true });
    const offer = offerBuffer(buffer, join(folder, "kernel"));
    const imported = await importBuffer(context, offer.path);
    expect(imported.facts().access).toBe("read");
    const increment = (await launches(context)).kernel("increment", ["buffer"]);
    increment.launch({ grid: 1, block: 1 }, imported);
    await expect(context.synchronize()).rejects.toMatchObject({ code: "kernel_failed", sticky: true });
    for (const thing of [imported, offer, buffer]) thing.dispose();
    expect(fake.statistics().last_fault).toContain("increment");
  });

  it("refuses another device, another size, a place that is taken, and what is no offer", async () => {
    const { driver, context } = await onFake({ devices: 2 });
    const second = await driver.devices[1]!.openContext();
    const buffer = context.alloc(100, { shareable: true });
    const path = join(folder, "refused");
    const offer = offerBuffer(buffer, path);
    await expect(importBuffer(second, path)).rejects.toThrow(
      /is on GPU-.*, and the context on GPU-.*: open a context there/,
    );
    expect(() => offerBuffer(buffer, path)).toThrow(/nothing can be offered at .*: Address already in use/);
    expect(() => offerBuffer(buffer, join(folder, "x".repeat(200)))).toThrow(code("invalid_argument"));
    expect(() => offerBuffer(buffer, join(folder, "no/folder"))).toThrow(code("exchange_failed"));
    const exported = buffer.export();
    await expect(importBuffer(context, { ...exported, bytes: 1 << 30 })).rejects.toMatchObject({
      driver: { call: "cuMemMap" },
    });
    closeExport(exported);
    const plain = context.alloc(100);
    const handle = plain.export();
    if (handle.kind !== "ipc") throw new Error("expected an IPC handle");
    await expect(importBuffer(context, { ...handle, handle: new Uint8Array(3) })).rejects.toThrow(/handle of 64 bytes/);
    await expect(importBuffer(context, { ...handle, handle: new Uint8Array(64) })).rejects.toThrow(
      /cuIpcOpenMemHandle/,
    );
    const file = join(folder, "descriptor");
    writeFileSync(file, "x");
    await expect(
      importBuffer(context, { ...exported, kind: "descriptor", descriptor: 99_999 } as never),
    ).rejects.toThrow();
    for (const thing of [offer, buffer, plain, second]) thing.dispose();
  });

  it("waits for an offer as long as it was told to, and tells silence from nonsense", async () => {
    const { context } = await onFake();
    await expect(importBuffer(context, join(folder, "never"), { timeout_ms: 50 })).rejects.toThrow(
      /nobody offers a buffer/,
    );
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(importBuffer(context, join(folder, "never"), { signal: stop })).rejects.toThrow("enough");
    const says = async (message: Buffer | null): Promise<unknown> => {
      const path = join(folder, `server-${Math.random()}`);
      const server = createServer((socket) => {
        socket.on("error", () => undefined);
        if (message !== null) socket.end(message);
      });
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const result: unknown = await importBuffer(context, path, { timeout_ms: 200 }).catch((error: unknown) => error);
      server.close();
      return result;
    };
    const length = (count: number): Buffer => Buffer.from(Uint32Array.of(count).buffer);
    expect(await says(Buffer.from("no"))).toMatchObject({ code: "exchange_failed" });
    expect(await says(length(2 ** 31))).toMatchObject({ code: "exchange_failed" });
    expect(await says(Buffer.concat([length(10), Buffer.from("short")]))).toMatchObject({ code: "exchange_failed" });
    expect(await says(Buffer.concat([length(2), Buffer.from("{}")]))).toMatchObject({ code: "exchange_failed" });
    expect(await says(null)).toMatchObject({ code: "exchange_failed" });
  });
});
