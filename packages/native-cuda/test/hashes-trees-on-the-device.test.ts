import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Context } from "../src/context.js";
import { withStatistics } from "../src/memory/with-statistics.js";
import { type FakeDriver, fakeDriver } from "../src/testing/fake-driver.js";
import { type TreeHasher, hashBufferTree, openTreeHasher } from "../src/tree-hash-device.js";
import { cannotSimulate } from "./simulated.js";
import { expectedTree, someBytes, vectorData } from "./tree-data.js";
import vectors from "./vectors/fs-verity.json" with { type: "json" };

describe.skipIf(cannotSimulate !== null)("the tree on a device", () => {
  let fake: FakeDriver;
  let context: Context;
  let hasher: TreeHasher;
  beforeAll(async () => {
    fake = fakeDriver();
    const { devices } = await fake.open();
    context = await devices[0]!.openContext();
    hasher = await openTreeHasher(context, { piece_blocks: 128 });
  });
  afterAll(() => {
    hasher.dispose();
    context.dispose();
    fake.dispose();
  });

  async function buffer(bytes: Uint8Array) {
    const made = context.alloc(Math.max(1, bytes.byteLength));
    if (bytes.byteLength > 0) await made.copyFrom(bytes);
    return made;
  }

  it.each(vectors.fs_verity_sha256_4096)(
    "of $data is what fsverity prints",
    async ({ data, salt_hex, digest, root }) => {
      const bytes = vectorData(data);
      const device = await buffer(bytes);
      const salt = Buffer.from(salt_hex ?? "", "hex");
      const tree = await hasher.hash(device, { bytes: bytes.byteLength, salt });
      expect(tree).toEqual({ digest, root: root ?? "0".repeat(64), bytes: bytes.byteLength });
      expect(await device.treeHash({ bytes: bytes.byteLength, salt })).toEqual(tree);
      device.dispose();
    },
  );

  it("is that of any ranges, at any offset, with any salt", async () => {
    const data = someBytes(700_000);
    const device = await buffer(data);
    const range = fc
      .tuple(fc.nat(699_999), fc.oneof(fc.nat(9000), fc.constantFrom(0, 1, 4096, 4097, 524288, 524289)))
      .map(([offset, bytes]) => ({ offset, bytes: Math.min(bytes, data.byteLength - offset) }));
    const salts = fc.uint8Array({ maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(fc.array(range, { maxLength: 4 }), salts, async (ranges, salt) => {
        const expected = ranges.map(({ offset, bytes }) => expectedTree(data.subarray(offset, offset + bytes), salt));
        expect(await hasher.hashRanges(device, ranges, { salt })).toEqual(expected);
      }),
      { numRuns: 12 },
    );
    device.dispose();
  });

  it("has the digests of chosen blocks, and of all of them, and finds the one that changed", async () => {
    const data = someBytes(50 * 4096 + 17);
    const device = await buffer(data);
    const single = (block: number): string => expectedTree(data.subarray(4096 * block, 4096 * (block + 1))).root;
    const chosen = [50, 0, 7, 7, 33];
    const digests = await hasher.hashBlocks(device, chosen);
    expect(Buffer.from(digests).toString("hex")).toBe(chosen.map(single).join(""));
    await expect(hasher.hashBlocks(device, [51])).rejects.toMatchObject({ code: "invalid_argument" });

    const [before, after] = [context.alloc(51 * 32), context.alloc(51 * 32)];
    await hasher.hashAllBlocks(device, before);
    await hasher.hashAllBlocks(device, after);
    expect(await hasher.firstDifference(before, after, 51)).toBeNull();
    const live = fake.statistics().device_allocations;
    fake.flipBit({ allocation: live - 3, offset: 33 * 4096 + 1000, bit: 5 });
    await hasher.hashAllBlocks(device, after);
    expect(await hasher.firstDifference(before, after, 51)).toBe(33);
    for (const each of [device, before, after]) each.dispose();
  });

  it.each(["descending", 3, 11] as const)("does not depend on the order of threads (%s)", async (schedule) => {
    fake.reschedule({ schedule });
    const data = someBytes(300_000, 5);
    const device = await buffer(data);
    expect(await hasher.hash(device)).toEqual(expectedTree(data));
    fake.reschedule({ schedule: "ascending" });
    device.dispose();
  });

  it("comes after the work on its stream", async () => {
    fake.reschedule({ delay_us: 3000 });
    const stream = context.createStream({ independent: true });
    const device = context.alloc(8192);
    device.fill(1, { stream });
    const tree = await hasher.hash(device, { stream });
    expect(tree).toEqual(expectedTree(new Uint8Array(8192).fill(1)));
    fake.reschedule({ delay_us: 0 });
    stream.dispose();
    device.dispose();
  });

  it("leaves nothing behind, whatever fails", async () => {
    const device = await buffer(someBytes(600_000));
    const before = context.memory;
    const statistics = withStatistics(before);
    context.memory = statistics;
    const live = fake.statistics();
    for (const call of ["cuMemAlloc", "cuMemcpyHtoD", "cuLaunchKernel", "cuEventRecord", "cuEventCreate"]) {
      for (let at = 1; at <= 4; at += 1) {
        fake.fail({ call, at, result: 2 });
        await hashBufferTree(device, { salt: new Uint8Array(5) }).catch((error: unknown) => error);
        // What was not met by this call must not meet the next one.
        fake.fail({ call, at: 1, result: 2 });
        fake.fail({ call, at: 1, result: 2 });
        for (let i = 0; i < 4; i += 1) await hashBufferTree(device).catch((error: unknown) => error);
        expect(statistics.counters.bytes.current).toBe(0);
      }
    }
    const abort = new AbortController();
    const hash = hasher.hash(device, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(hash).rejects.toThrow("enough");
    expect(statistics.counters.allocations).toMatchObject({ current: 0 });
    context.memory = before;
    const after = fake.statistics();
    for (const name of ["device_allocations", "device_bytes", "streams", "events", "modules"] as const) {
      expect(after[name], name).toBe(live[name]);
    }
    device.dispose();
  });

  it("refuses ranges outside of the buffer and a salt that is too long", async () => {
    const device = context.alloc(100);
    await expect(hasher.hash(device, { offset: 50, bytes: 51 })).rejects.toMatchObject({ code: "out_of_range" });
    await expect(hasher.hash(device, { salt: new Uint8Array(33) })).rejects.toMatchObject({ code: "invalid_argument" });
    device.dispose();
    await expect(device.treeHash()).rejects.toMatchObject({ code: "disposed" });
  });

  it("refuses a buffer of another device", async () => {
    const other = fakeDriver();
    const elsewhere = await (await other.open()).devices[0]!.openContext();
    const device = elsewhere.alloc(16);
    await expect(hasher.hash(device)).rejects.toMatchObject({ code: "invalid_argument" });
    for (const each of [device, elsewhere, other]) each.dispose();
  });
});
