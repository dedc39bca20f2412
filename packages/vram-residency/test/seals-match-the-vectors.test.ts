import { createHash, createHmac, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type SealContext,
  SealedShard,
  readSealEnvelope,
  sealMessageV1,
  sealMessageV2,
  verifySealEnvelope,
  verifySealTag,
  verifySealV1,
} from "../src/verify/index.js";
import { equalBytes } from "../src/verify/bytes.js";
import vectors from "./vectors/vectors.json" with { type: "json" };

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: Uint8Array, message: Uint8Array) => createHmac("sha256", key).update(message).digest();
const key = Buffer.from(vectors.key_derivation.key_hex, "hex");

const recorded = vectors.seal_v1;
const shard = new SealedShard({
  shard_id: recorded.shard_id,
  gpu_device: recorded.gpu_device,
  vram_bytes: recorded.vram_bytes,
  digest: sha256(recorded.digest_of_utf8),
  sealed_at: new Date(recorded.sealed_at_seconds * 1000).toISOString().replace(".000Z", "Z"),
  shard_index: null,
  total_shards: null,
});
const context: SealContext = {
  model_ref: null,
  gpu_uuid: "GPU-00000000-0000-0000-0000-000000000000",
  boot_nonce: "ab".repeat(32),
  tree_digest: "cd".repeat(32),
};
const envelope = {
  schema: "vrx_seal_v2" as const,
  shard,
  context,
  key_id: "k1",
  mac: hmac(key, sealMessageV2(shard, context)).toString("hex"),
};

describe("version 1 of the seal", () => {
  it("is the recorded message and tag", () => {
    const { token, info, length } = vectors.key_derivation;
    expect(Buffer.from(hkdfSync("sha256", token, "", info, length)).toString("hex")).toBe(
      vectors.key_derivation.key_hex,
    );
    const message = sealMessageV1(shard);
    expect(message.length).toBe(recorded.message_bytes);
    expect(hmac(key, message).toString("hex")).toBe(recorded.hmac_hex);
    expect(verifySealV1(shard, Buffer.from(recorded.hmac_hex, "hex"), key)).toEqual({ status: "verified" });
  });

  it("covers every field it has, and names each way to fail", () => {
    const tag = Buffer.from(recorded.hmac_hex, "hex");
    const other = {
      shard_id: "shard-1",
      gpu_device: 1,
      vram_bytes: 6,
      digest: "0".repeat(64),
      sealed_at: "2023-11-14T22:13:21Z",
    };
    for (const [name, value] of Object.entries(other)) {
      const changed = new SealedShard({ ...shard.toJSON(), [name]: value });
      expect(verifySealV1(changed, tag, key), name).toEqual({ status: "failed", reason: "signature_mismatch" });
    }
    const reason = (bytes: Uint8Array | null) => {
      const verdict = verifySealV1(shard, bytes, key);
      return verdict.status === "failed" ? verdict.reason : null;
    };
    expect(reason(null)).toBe("missing_signature");
    expect(reason(new Uint8Array())).toBe("bad_signature_length");
    expect(reason(Buffer.concat([tag, tag]))).toBe("bad_signature_length");
    expect(reason(new Uint8Array(32))).toBe("signature_mismatch");
    for (let bit = 0; bit < 256; bit++) {
      const flipped = Buffer.from(tag);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(reason(flipped)).toBe("signature_mismatch");
    }
    const unsealed = new SealedShard({ ...shard.toJSON(), digest: "" });
    expect(verifySealV1(unsealed, tag, key)).toEqual({ status: "failed", reason: "not_sealed" });
  });

  it("takes descriptors of 128 GiB, of 256 characters and of any key length", () => {
    const long = new SealedShard({ ...shard.toJSON(), shard_id: "x".repeat(256), vram_bytes: 128 * 2 ** 30 });
    for (const length of [1, 16, 32, 64, 65, 1024]) {
      const own = Buffer.alloc(length, 7);
      expect(verifySealV1(long, hmac(own, sealMessageV1(long)), own)).toEqual({ status: "verified" });
    }
  });
});

describe("version 2 of the seal", () => {
  it("covers every field of the descriptor and of its context", () => {
    expect(verifySealEnvelope(envelope, () => key)).toEqual({ status: "verified", shard, context });
    const other = {
      shard_id: "shard-1",
      gpu_device: 1,
      vram_bytes: 6,
      digest: "0".repeat(64),
      sealed_at: null,
      shard_index: 0,
      total_shards: 1,
      model_ref: "",
      gpu_uuid: "GPU-1",
      boot_nonce: "0".repeat(64),
      tree_digest: "0".repeat(64),
    };
    for (const [name, value] of Object.entries(other)) {
      const changed = {
        ...envelope,
        shard: name in shard ? new SealedShard({ ...shard.toJSON(), [name]: value }) : shard,
        context: name in context ? { ...context, [name]: value } : context,
      };
      expect(
        verifySealEnvelope(changed, () => key),
        name,
      ).toEqual({ status: "failed", reason: "signature_mismatch" });
    }
  });

  it("says which step failed", () => {
    const reason = (change: object) => {
      const verdict = verifySealEnvelope({ ...envelope, ...change }, (id) => (id === "k1" ? key : null));
      return verdict.status === "failed" ? verdict.reason : null;
    };
    expect(reason({})).toBe(null);
    expect(reason({ mac: null })).toBe("missing_signature");
    expect(reason({ mac: "ab" })).toBe("bad_signature_length");
    expect(reason({ mac: "00".repeat(32) })).toBe("signature_mismatch");
    expect(reason({ key_id: "k2" })).toBe("unknown_key");
    expect(reason({ shard: new SealedShard({ ...shard.toJSON(), digest: "" }) })).toBe("not_sealed");
  });

  it("never has one message for two seals", () => {
    const split = (gpu_uuid: string, boot_nonce: string) => sealMessageV2(shard, { ...context, gpu_uuid, boot_nonce });
    expect(split("ab", "c")).not.toEqual(split("a", "bc"));
    const field = fc.string({ maxLength: 6 });
    const nullable = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
    const seals = fc.record({
      shard: fc.record({
        shard_id: field,
        digest: field,
        gpu_device: fc.nat(3),
        vram_bytes: fc.nat(3),
        sealed_at: nullable(fc.constantFrom("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z")),
        shard_index: nullable(fc.nat(2)),
        total_shards: nullable(fc.nat(2)),
      }),
      context: fc.record({ model_ref: nullable(field), gpu_uuid: field, boot_nonce: field, tree_digest: field }),
    });
    fc.assert(
      fc.property(seals, seals, (a, b) => {
        const same = Buffer.from(sealMessageV2(a.shard, a.context)).equals(sealMessageV2(b.shard, b.context));
        expect(same).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 2000 },
    );
  });

  it("comes through JSON, and reports all that is wrong with what does not", () => {
    const read = readSealEnvelope(JSON.parse(JSON.stringify(envelope)));
    if (read.status === "invalid") throw new Error(JSON.stringify(read.issues));
    expect(verifySealEnvelope(read.value, () => key).status).toBe("verified");
    const bad = readSealEnvelope({
      schema: "v3",
      shard: { ...shard.toJSON(), shard_id: "../x" },
      context: {},
      key_id: 1,
      mac: "xy",
      more: 0,
    });
    const pointers = bad.status === "invalid" ? bad.issues.map(({ pointer }) => pointer) : [];
    for (const pointer of [
      "/schema",
      "/shard/shard_id",
      "/context/gpu_uuid",
      "/context/model_ref",
      "/key_id",
      "/mac",
      "",
    ]) {
      expect(pointers).toContain(pointer);
    }
    expect(bad).toMatchObject({
      issues: expect.arrayContaining([
        { pointer: "", found: '"more"', expected: expect.any(String) as string },
      ]) as object,
    });
  });
});

it("compares tags that random bytes never are", () => {
  const message = sealMessageV1(shard);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (tag) => {
      expect(verifySealTag(message, tag, key).status).toBe("failed");
    }),
  );
});

it("looks at every byte of a tag, wherever the first difference is", () => {
  const own = new Uint8Array(32).fill(1);
  const looks = (at: number) => {
    let count = 0;
    const other = Uint8Array.from(own, (byte, i) => (i === at ? byte ^ 1 : byte));
    const counted = new Proxy(other, {
      get(target, key) {
        if (/^\d+$/u.test(String(key))) count++;
        return Reflect.get(target, key) as unknown;
      },
    });
    expect(equalBytes(counted, own)).toBe(false);
    return count;
  };
  expect([0, 15, 31].map(looks)).toEqual([32, 32, 32]);
});
