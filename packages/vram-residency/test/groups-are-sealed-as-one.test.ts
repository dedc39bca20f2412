import { createHash, randomBytes } from "node:crypto";
import { fakeDriver } from "@vrx/native-cuda/testing";
import { expect, it } from "vitest";
import { sealGroup } from "../src/seal-group.js";
import { fixedKeys, sealKey } from "../src/seal-keys.js";
import { groupDigest, readSealEnvelope, verifyGroupSeals } from "../src/verify/index.js";
import { type VramManager, createVramManager } from "../src/vram-manager.js";

async function devices(count: number) {
  const driver = fakeDriver({ devices: count });
  await driver.open();
  const managers: VramManager[] = [];
  for (let device = 0; device < count; device++) {
    managers.push(await createVramManager({ device, driver: { library: driver.library }, capacity_bytes: 100_000 }));
  }
  return {
    driver,
    managers,
    async [Symbol.asyncDispose]() {
      for (const manager of managers) await manager.dispose();
      driver.dispose();
    },
  };
}

it("lies on several devices, has one digest, and shows which member changed", async () => {
  await using test = await devices(3);
  const parts = test.managers.map((manager) => ({ manager, source: randomBytes(20_000) }));
  const group = await sealGroup(parts, "m");
  expect(group.handles.map(({ shard }) => [shard.gpu_device, shard.shard_index, shard.total_shards])).toEqual([
    [0, 0, 3],
    [1, 1, 3],
    [2, 2, 3],
  ]);
  expect(group.group_digest).toBe(
    groupDigest(parts.map(({ source }) => createHash("sha256").update(source).digest("hex"))),
  );
  expect((await group.verify()).map(({ status }) => status)).toEqual(["verified", "verified", "verified"]);
  test.driver.flipBit({ allocation: 1, offset: 7 });
  expect((await group.verify()).filter(({ status }) => status === "failed")).toHaveLength(1);
  group.dispose();
  expect(test.managers.map((manager) => manager.usedVram())).toEqual([0, 0, 0]);
});

it("can be checked by its seals alone, whatever key each worker has", async () => {
  await using test = await devices(2);
  const keys = [randomBytes(32), randomBytes(32)];
  const parts = [];
  for (const [device, key] of keys.entries()) {
    const driver = { library: test.driver.library };
    const manager = await createVramManager({ device, driver, keys: fixedKeys([sealKey(key)]) });
    test.managers.push(manager);
    parts.push({ manager, source: randomBytes(20_000) });
  }
  const group = await sealGroup(parts, "m");
  const known = new Map(keys.map((key) => [sealKey(key).id, key]));
  const envelopes = group.envelopes.map((envelope) => {
    const read = readSealEnvelope(JSON.parse(JSON.stringify(envelope)));
    if (read.status === "invalid") throw new Error(JSON.stringify(read.issues));
    return read.value;
  });
  expect(verifyGroupSeals(envelopes.reverse(), group.statement, (id) => known.get(id) ?? null)).toEqual({
    status: "complete",
    total_shards: 2,
    group_digest: group.group_digest,
    model_ref: "m",
    gpu_uuids: parts.map(({ manager }) => manager.device.uuid),
  });
  group.dispose();
});

it("is all there or nothing", async () => {
  await using test = await devices(2);
  const [first, second] = test.managers;
  const parts = [
    { manager: first!, source: randomBytes(20_000) },
    { manager: second!, source: randomBytes(200_000) },
  ];
  await expect(sealGroup(parts)).rejects.toMatchObject({ code: "insufficient_vram" });
  expect(test.managers.map((manager) => manager.usedVram())).toEqual([0, 0]);
  const small = [first!, second!].map((manager, i) => ({
    manager,
    source: randomBytes(8),
    options: { model_ref: `m${i}` },
  }));
  await expect(sealGroup(small)).rejects.toMatchObject({ code: "integrity_violation" });
  expect(test.managers.map((manager) => manager.usedVram())).toEqual([0, 0]);
  await expect(sealGroup([])).rejects.toMatchObject({ code: "invalid_input" });
});
