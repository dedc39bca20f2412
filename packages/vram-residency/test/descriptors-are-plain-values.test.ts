import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ModelShardHandle, SealedShard, isShardId, readSealedShard } from "../src/verify/index.js";

const fields = {
  shard_id: "shard-00ff",
  gpu_device: 0,
  vram_bytes: 1_048_576,
  digest: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
  sealed_at: "2026-01-31T12:00:00Z",
  shard_index: null,
  total_shards: null,
};
// Whatever else a value carries is left behind.
const shard = new SealedShard(Object.assign({ vram_ptr: "0x7f00deadbeef" }, fields));

describe("a sealed shard", () => {
  it("is frozen, and holds its public fields and nothing else", () => {
    expect(Object.isFrozen(shard)).toBe(true);
    expect(Reflect.ownKeys(shard)).toEqual(Object.keys(fields));
    expect(() => Object.assign(shard, { digest: "" })).toThrow(TypeError);
    expect(ModelShardHandle).toBe(SealedShard);
  });

  it("survives structuredClone and JSON", () => {
    expect(structuredClone(shard)).toEqual(fields);
    expect(JSON.parse(JSON.stringify(shard))).toEqual({ ...fields, sealed: true });
    const read = readSealedShard(JSON.parse(JSON.stringify(shard)));
    expect(read).toEqual({ status: "ok", value: shard });
  });

  it("compares digests without looking at anything else", () => {
    expect(shard.verify(fields.digest)).toEqual({ status: "verified" });
    expect(shard.verify(fields.digest.toUpperCase())).toEqual({ status: "verified" });
    expect(shard.verify("0".repeat(64))).toEqual({ status: "failed", reason: "digest_mismatch" });
    expect(shard.verify("abc")).toEqual({ status: "failed", reason: "invalid_digest" });
    expect(shard.verify(` ${fields.digest.slice(1)}`)).toEqual({ status: "failed", reason: "invalid_digest" });
    const unsealed = new SealedShard({ ...fields, digest: "" });
    expect(unsealed.sealed).toBe(false);
    expect(unsealed.verify(fields.digest)).toEqual({ status: "failed", reason: "not_sealed" });
  });

  it("shows eight digits of its digest and no address", () => {
    expect(String(shard)).toBe("SealedShard(shard-00ff, GPU 0, 1048576 bytes, digest 2cf24dba...)");
    expect(inspect(shard, { depth: 5, showHidden: true })).not.toMatch(/0x[0-9a-f]/iu);
  });
});

describe("reading a descriptor", () => {
  it("takes ids of letters, digits, _ and - alone", () => {
    for (const id of ["a", "x".repeat(256), "A-b_9"]) expect(isShardId(id), id).toBe(true);
    for (const id of [
      "",
      "x".repeat(257),
      "..",
      "../a",
      "./a",
      "a/b",
      "a\\b",
      "a\0b",
      "a\nb",
      "é",
      "👾",
      "a b",
      "\u001b[0m",
    ]) {
      expect(isShardId(id), JSON.stringify(id)).toBe(false);
    }
  });

  it("names all problems at once", () => {
    const read = readSealedShard({
      shard_id: "",
      gpu_device: 16,
      vram_bytes: 0,
      digest: "AB",
      sealed_at: "yesterday",
      shard_index: 2,
      total_shards: 2,
      vram_ptr: "0x7f",
    });
    const issues = read.status === "invalid" ? read.issues : [];
    expect(issues.map(({ pointer }) => pointer).sort()).toEqual([
      "",
      "/digest",
      "/gpu_device",
      "/sealed_at",
      "/shard_id",
      "/shard_index",
      "/vram_bytes",
    ]);
    for (const value of [null, 1, "x", [], true, undefined]) expect(readSealedShard(value).status).toBe("invalid");
  });
});
