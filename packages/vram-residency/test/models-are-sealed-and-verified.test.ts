import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import type { FakeDriverOptions } from "@vrx/native-cuda/testing";
import { afterEach, describe, expect, it } from "vitest";
import { isVramResidencyError } from "../src/errors.js";
import { type TestManager, testVramManager } from "../src/testing/index.js";
import { SealedShard } from "../src/verify/index.js";
import { bundleOfThisRun, withTimeline } from "./proof/allocation-timeline.js";
import { temporaryFolder } from "./temporary-folder.js";

const MIB = 2 ** 20;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const code = async (promise: Promise<unknown>) => {
  try {
    await promise;
    return "ok";
  } catch (error) {
    if (!isVramResidencyError(error)) throw error;
    return error.code;
  }
};

let opened: TestManager[] = [];
const bundle = bundleOfThisRun("unit");
async function open(options: Parameters<typeof testVramManager>[0] = {}, fake: FakeDriverOptions = {}) {
  const test = await testVramManager(withTimeline(options, bundle), fake);
  opened.push(test);
  return test;
}
afterEach(async () => {
  for (const test of opened) {
    await test.manager.dispose();
    expect(test.driver.statistics().device_bytes).toBe(0);
    test.driver.dispose();
  }
  opened = [];
});

describe("sealing", () => {
  it("gives a descriptor of exactly those bytes", async () => {
    const { manager } = await open();
    const before = Math.floor(Date.now() / 1000);
    const bytes = randomBytes(MIB);
    const { shard, existing } = await manager.sealModel(bytes);
    expect(shard).toMatchObject({
      gpu_device: 0,
      vram_bytes: MIB,
      digest: sha256(bytes),
      shard_index: null,
      total_shards: null,
    });
    expect(shard.sealed).toBe(true);
    expect(existing).toBe(false);
    const at = Date.parse(shard.sealed_at!) / 1000;
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now() / 1000);
    expect(manager.usedVram()).toBe(MIB);
    expect(await manager.verifySealed(shard)).toMatchObject({
      status: "verified",
      tier: "tree",
      leaves_checked: 256,
      leaves_total: 256,
    });
  });

  it("takes bytes, files and streams, with and without their length", async () => {
    const { manager } = await open();
    const bytes = randomBytes(3 * MIB + 123);
    const file = join(temporaryFolder(), "model");
    writeFileSync(file, bytes);
    async function* stream() {
      for (let at = 0; at < bytes.length; at += 100_000) yield await Promise.resolve(bytes.subarray(at, at + 100_000));
    }
    const options = { duplicates: "allow" } as const;
    for (const handle of [
      await manager.sealModel(bytes, options),
      await manager.sealModel(file, options),
      await manager.sealModel(stream(), { ...options, bytes: bytes.length }),
      await manager.sealModel(stream(), options),
    ]) {
      expect(handle.shard.digest).toBe(sha256(bytes));
      expect((await manager.verifySealed(handle.shard)).status).toBe("verified");
      handle.dispose();
    }
    expect(manager.usedVram()).toBe(0);
  });

  it.each([1, 4095, 4096, 4097, 128 * 4096 + 1])("seals a model of %d bytes", async (length) => {
    const { manager } = await open();
    const { shard } = await manager.sealModel(randomBytes(length));
    for (const tier of ["signature", "leaves", "tree", "read_back"] as const) {
      expect(await manager.verifySealed(shard, { tier })).toMatchObject({ status: "verified", tier });
    }
  });

  it("refuses what is no model, without a trace", async () => {
    const { manager } = await open();
    expect(await code(manager.sealModel(new Uint8Array()))).toBe("invalid_input");
    expect(await code(manager.sealModel(join(temporaryFolder(), "none")))).toBe("invalid_input");
    for (const shard_id of ["../x", "a\0b", "", "x".repeat(257), "é"]) {
      expect(await code(manager.sealModel(randomBytes(8), { shard_id }))).toBe("invalid_input");
    }
    async function* short() {
      yield await Promise.resolve(randomBytes(8));
    }
    expect(await code(manager.sealModel(short(), { bytes: 9 }))).toBe("invalid_input");
    expect(await code(manager.sealModel(short(), { bytes: 7 }))).toBe("invalid_input");
    expect(await code(manager.sealModelShard(randomBytes(8), 2, 2))).toBe("invalid_input");
    expect(manager.usedVram()).toBe(0);
    expect((await manager.sealModel(randomBytes(8))).shard.vram_bytes).toBe(8);
  });

  it("seals nothing but what was expected", async () => {
    const { manager } = await open();
    const bytes = randomBytes(5000);
    expect(await code(manager.sealModel(bytes, { expected: { digest: "0".repeat(64) } }))).toBe("integrity_violation");
    expect(await code(manager.sealModel(bytes, { expected: { tree_digest: "0".repeat(64) } }))).toBe(
      "integrity_violation",
    );
    expect(await code(manager.sealModel(bytes, { expected: { digest: "AB" } }))).toBe("invalid_input");
    const { tree_digest } = await manager.sealModel(bytes, { expected: { digest: sha256(bytes) } });
    expect((await manager.sealModel(bytes, { expected: { tree_digest } })).existing).toBe(true);
  });

  it("returns, rejects or allows the same bytes again", async () => {
    const { manager } = await open();
    const bytes = randomBytes(MIB);
    const first = await manager.sealModel(bytes);
    const second = await manager.sealModel(bytes);
    expect(second.shard).toBe(first.shard);
    expect(second.existing).toBe(true);
    expect(manager.usedVram()).toBe(MIB);
    expect(await code(manager.sealModel(bytes, { duplicates: "reject" }))).toBe("duplicate_model");
    const copy = await manager.sealModel(bytes, { duplicates: "allow" });
    expect(copy.shard.shard_id).not.toBe(first.shard.shard_id);
    expect(manager.usedVram()).toBe(2 * MIB);
    first.dispose();
    first.dispose();
    expect((await manager.verifySealed(second.shard)).status).toBe("verified");
    second.dispose();
    expect(await manager.verifySealed(second.shard)).toMatchObject({ reason: "unknown_allocation" });
    expect((await manager.verifySealed(copy.shard)).status).toBe("verified");
    copy.dispose();
    expect(manager.usedVram()).toBe(0);
  });

  it("keeps a digest for each tensor, and names the one that changed", async () => {
    const { manager, driver } = await open();
    const header = JSON.stringify({
      a: { dtype: "U8", shape: [5000], data_offsets: [0, 5000] },
      b: { dtype: "U8", shape: [9000], data_offsets: [5000, 14_000] },
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const bytes = Buffer.concat([length, Buffer.from(header), randomBytes(14_000)]);
    const { shard, tensors } = await manager.sealModel(bytes, { tensors: "safetensors" });
    expect(tensors.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(await manager.verifyTensors(shard)).toEqual([]);
    driver.flipBit({ allocation: -1, offset: tensors[1]!.offset + 17 });
    expect(await manager.verifyTensors(shard)).toEqual(["b"]);
    expect(await code(manager.sealModel(randomBytes(100), { tensors: "safetensors" }))).toBe("invalid_input");
    expect(await code(manager.sealModel(randomBytes(100), { tensors: [{ name: "t", offset: 90, bytes: 11 }] }))).toBe(
      "invalid_input",
    );
  });

  it("does not depend on time, order or chance where these are taken out", async () => {
    const seals = [];
    for (const order of [
      ["a", "b"],
      ["b", "a"],
    ]) {
      const { manager } = await open(
        {
          clock: null,
          boot_nonce: "7".repeat(64),
          keys: (await import("../src/seal-keys.js")).workerTokenKeys("token"),
        },
        { devices: [{ uuid: "GPU-00000000-0000-0000-0000-000000000001" }] },
      );
      for (const name of order) await manager.sealModel(Buffer.from(name), { shard_id: name });
      seals.push(["a", "b"].map((shard_id) => manager.sealEnvelope({ shard_id })));
    }
    expect(seals[0]).toEqual(seals[1]);
  });
});

describe("verification", () => {
  it.each(["leaves", "tree", "read_back"] as const)(
    "finds one flipped bit in device memory by tier %s",
    async (tier) => {
      const { manager, driver } = await open();
      const { shard } = await manager.sealModel(randomBytes(40_000));
      driver.flipBit({ allocation: -1, offset: 31_234, bit: 5 });
      expect(await manager.verifySealed(shard, { tier, leaves: 10 })).toMatchObject({
        status: "failed",
        reason: "digest_mismatch",
      });
      expect((await manager.verifySealed(shard, { tier: "signature" })).status).toBe("verified");
      driver.flipBit({ allocation: -1, offset: 31_234, bit: 5 });
      expect((await manager.verifySealed(shard, { tier, leaves: 10 })).status).toBe("verified");
    },
  );

  it("refuses every change of a descriptor before it looks at a byte", async () => {
    const { manager, driver } = await open();
    const { shard } = await manager.sealModel(randomBytes(8192));
    const { shard: other } = await manager.sealModel(randomBytes(8192));
    const launches = driver.statistics().launches;
    const changes = {
      shard_id: other.shard_id,
      gpu_device: 1,
      vram_bytes: 4096,
      digest: other.digest,
      sealed_at: null,
      shard_index: 0,
      total_shards: 1,
    };
    for (const [name, value] of Object.entries(changes)) {
      const changed = new SealedShard({ ...shard.toJSON(), [name]: value });
      expect(await manager.verifySealed(changed), name).toMatchObject({
        status: "failed",
        reason: "signature_mismatch",
      });
    }
    expect(await manager.verifySealed(new SealedShard({ ...shard.toJSON(), digest: "" }))).toMatchObject({
      reason: "not_sealed",
    });
    expect(await manager.verifySealed(new SealedShard({ ...shard.toJSON(), shard_id: "other" }))).toMatchObject({
      reason: "unknown_allocation",
    });
    expect(driver.statistics().launches).toBe(launches);
    expect((await manager.verifySealed(structuredClone(shard))).status).toBe("verified");
  });

  it("refuses the seals of another manager and of an earlier life", async () => {
    const keys = async () => (await import("../src/seal-keys.js")).workerTokenKeys("one token");
    const first = await open({ keys: await keys() });
    const second = await open({ keys: await keys() });
    const bytes = randomBytes(4096);
    const { shard } = await first.manager.sealModel(bytes, { shard_id: "same" });
    await second.manager.sealModel(bytes, { shard_id: "same", model_ref: "elsewhere" });
    expect(
      await second.manager.verifySealed(new SealedShard({ ...shard.toJSON(), sealed_at: "2020-01-01T00:00:00Z" })),
    ).toMatchObject({ reason: "signature_mismatch" });
    const { shard: again } = await first.manager.sealModel(randomBytes(4096), { shard_id: "other" });
    expect(await second.manager.verifySealed(again)).toMatchObject({ reason: "unknown_allocation" });
    const { boot_nonce } = first.manager.sealEnvelope(shard).context;
    expect(second.manager.sealEnvelope({ shard_id: "same" }).context.boot_nonce).not.toBe(boot_nonce);
  });

  it("does not take a new model at an old address for the old one", async () => {
    const { manager } = await open();
    const first = await manager.sealModel(randomBytes(4096), { shard_id: "reused" });
    const { shard } = first;
    first.dispose();
    await manager.sealModel(randomBytes(4096), { shard_id: "reused" });
    expect(await manager.verifySealed(shard)).toMatchObject({ status: "failed", reason: "signature_mismatch" });
  });

  it("says how likely one changed leaf is missed", async () => {
    const { manager } = await open();
    const { shard } = await manager.sealModel(randomBytes(100 * 4096));
    expect(await manager.verifySealed(shard, { tier: "leaves", leaves: 25 })).toMatchObject({
      leaves_checked: 25,
      leaves_total: 100,
      miss_probability_one_leaf: 0.75,
    });
    expect(await manager.verifySealed(shard, { tier: "signature" })).toMatchObject({
      leaves_checked: 0,
      miss_probability_one_leaf: 1,
    });
    expect(await manager.verifySealed(shard)).toMatchObject({
      leaves_checked: 100,
      miss_probability_one_leaf: 0,
      assumption: "none",
    });
    expect(await code(manager.verifySealed(shard, { leaves: 0 }))).toBe("invalid_input");
  });

  it("hashes nothing again where the caller rules out writes, says so, and does not trust it after a failure", async () => {
    const { manager, driver } = await open();
    const { shard } = await manager.sealModel(randomBytes(8192));
    const { launches } = driver.statistics();
    const assumed = { status: "verified", leaves_checked: 0, assumption: "writes_ruled_out" };
    expect(await manager.verifySealed(shard, { incremental: true })).toMatchObject(assumed);
    expect(driver.statistics().launches).toBe(launches);
    driver.flipBit({ allocation: -1, offset: 0 });
    expect(await manager.verifySealed(shard, { incremental: true })).toMatchObject(assumed);
    expect((await manager.verifySealed(shard)).status).toBe("failed");
    expect((await manager.verifySealed(shard, { incremental: true })).status).toBe("failed");
  });

  it("refuses seals that are too old or from the future, where asked to", async () => {
    let now = Date.parse("2026-01-31T12:00:00Z");
    const { manager } = await open({ clock: () => now });
    const { shard } = await manager.sealModel(randomBytes(10));
    now += 100_000;
    expect((await manager.verifySealed(shard, { maxAge_s: 100 })).status).toBe("verified");
    expect(await manager.verifySealed(shard, { maxAge_s: 99 })).toMatchObject({ reason: "stale_seal" });
    now -= 200_000;
    expect(await manager.verifySealed(shard, { maxAge_s: 99 })).toMatchObject({ reason: "stale_seal" });
    expect((await manager.verifySealed(shard)).status).toBe("verified");
  });

  it("finds only the one of three that was tampered with, and goes on", async () => {
    const { manager, driver } = await open();
    const shards = [];
    for (let i = 0; i < 3; i++) shards.push((await manager.sealModel(randomBytes(9000 + i))).shard);
    driver.flipBit({ allocation: -2, offset: 0 });
    const statuses = [];
    for (const shard of shards) statuses.push((await manager.verifySealed(shard)).status);
    expect(statuses).toEqual(["verified", "failed", "verified"]);
    expect((await manager.sealModel(randomBytes(10))).shard.vram_bytes).toBe(10);
  });
});

it("keeps what nobody holds a handle of, until it is released or the manager ends", async () => {
  const { manager } = await open();
  const { shard } = await manager.sealModel(randomBytes(4096));
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await manager.verifySealed(shard)).status).toBe("verified");
  manager.release(shard);
  expect(manager.usedVram()).toBe(0);
  expect(() => manager.release(shard)).toThrow(/unknown_allocation/u);
  await manager.sealModel(randomBytes(4096));
});

it("shows no address, key or tag, however it is looked at", async () => {
  const { manager } = await open();
  const handle = await manager.sealModel(randomBytes(4096));
  const { mac } = manager.sealEnvelope(handle.shard);
  const everything = [manager, handle, handle.shard]
    .map((value) => inspect(value, { depth: 20, showHidden: true, getters: false }))
    .join("\n");
  expect(everything).not.toMatch(/0x[0-9a-f]{6,}/iu);
  expect(everything).not.toContain(mac!.slice(0, 16));
  expect(everything).not.toContain(mac!.slice(0, 16).replaceAll(/../gu, "$& ").trim());
  expect(JSON.stringify([handle, handle.shard])).not.toContain(mac!.slice(0, 16));
});
