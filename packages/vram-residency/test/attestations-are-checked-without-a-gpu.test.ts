import { createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  ATTESTATION_TYPE,
  type AttestationStatement,
  SealedShard,
  type VerificationKey,
  type VerifyAttestationOptions,
  dssePreAuthentication,
  verifyAttestation,
} from "../src/verify/index.js";

const nonce = "11".repeat(32);
const statement: AttestationStatement = {
  schema: "vrx_residency_attestation_v1",
  nonce,
  issued_at: "2026-01-31T12:00:00.000Z",
  worker_id: "worker-1",
  simulated: false,
  claimed_level: "L0",
  shard: new SealedShard({
    shard_id: "shard-1",
    gpu_device: 0,
    vram_bytes: 5,
    digest: "2c".repeat(32),
    sealed_at: null,
    shard_index: null,
    total_shards: null,
  }),
  seal: { model_ref: "m", gpu_uuid: "GPU-1", boot_nonce: "ab".repeat(32), tree_digest: "cd".repeat(32) },
  verification: {
    tier: "tree",
    assumption: "none",
    began_at: null,
    ended_at: null,
    leaves_checked: 1,
    leaves_total: 1,
    miss_probability_one_leaf: 0,
  },
  policy: {
    proven: ["memory_type_device"],
    not_provable: [{ check: "no_sysmem_fallback", why: "only Windows has it" }],
  },
  device: { uuid: "GPU-1", name: "H200", compute_capability: "9.0", total_bytes: 1 },
  driver: { version: "580.65.06", library: "/usr/lib/libcuda.so.1", library_sha256: "00".repeat(32) },
  ecc: { enabled: true, uncorrected_volatile: 0 },
  confidential_computing: null,
};

const hmacKey = Buffer.alloc(32, 7);
const ed25519 = generateKeyPairSync("ed25519");
const keys: VerificationKey[] = [
  { key_id: "worker", algorithm: "hmac-sha256", key: hmacKey, held: "worker" },
  {
    key_id: "service",
    algorithm: "ed25519",
    public_key: Buffer.from(ed25519.publicKey.export({ format: "jwk" }).x ?? "", "base64url"),
    held: "external",
  },
];

function attest(value: unknown, signers: readonly string[] = ["worker"], payloadType = ATTESTATION_TYPE) {
  const payload = Buffer.from(JSON.stringify(value));
  const signed = dssePreAuthentication(payloadType, payload);
  const signatures = signers.map((keyid) => ({
    keyid,
    sig: (keyid === "service"
      ? sign(null, signed, ed25519.privateKey)
      : createHmac("sha256", hmacKey).update(signed).digest()
    ).toString("base64"),
  }));
  return {
    envelope: { payloadType, payload: payload.toString("base64"), signatures },
    hardware_report: null as unknown,
  };
}
const verify = (attestation: unknown, options: Partial<VerifyAttestationOptions> = {}) =>
  verifyAttestation(attestation, { nonce, keys, ...options });
const reason = async (attestation: unknown, options: Partial<VerifyAttestationOptions> = {}) => {
  const verdict = await verify(attestation, options);
  return verdict.status === "refused" ? verdict.reason : verdict.level;
};

describe("an attestation", () => {
  it("carries the level that its evidence does, whatever it claims", async () => {
    expect(await reason(attest(statement))).toBe("L0");
    expect(await reason(attest({ ...statement, claimed_level: "L2" }))).toBe("L0");
    expect(await reason(attest(statement, ["service"]))).toBe("L1");
    expect(await reason(attest(statement, ["worker", "service"]))).toBe("L1");
    expect(await reason(attest(statement), { minLevel: "L1" })).toBe("level_too_low");
    const verdict = await verify(attest(statement));
    expect(verdict).toMatchObject({ status: "verified", statement, signed_by: ["worker"] });
  });

  it("reaches L2 with a report of the hardware that was requested for it and that somebody checked", async () => {
    const attestation = attest(statement, ["service"]);
    const digest = createHash("sha256").update(Buffer.from(attestation.envelope.payload, "base64")).digest();
    const report = (bytes: Uint8Array) => ({
      kind: "nvidia_gpu",
      report: Buffer.concat([Buffer.alloc(4), bytes, Buffer.alloc(64)]).toString("base64"),
      certificate_chain: null,
    });
    const good = { ...attestation, hardware_report: report(digest) };
    expect(await reason(good, { verifyHardwareReport: () => true })).toBe("L2");
    expect(await reason(good, { verifyHardwareReport: () => Promise.resolve(false) })).toBe("hardware_report_refused");
    expect(await reason(good)).toBe("L1");
    expect(
      await reason({ ...attestation, hardware_report: report(Buffer.alloc(32)) }, { verifyHardwareReport: () => true }),
    ).toBe("hardware_nonce_mismatch");
  });

  it("is refused with one reason for each thing that is wrong", async () => {
    const good = attest(statement);
    expect(await reason(good, { nonce: "22".repeat(32) })).toBe("nonce_mismatch");
    expect(await reason(attest({ ...statement, simulated: true }))).toBe("simulated");
    expect(await reason(attest({ ...statement, simulated: true }), { allowSimulated: true })).toBe("L0");
    expect(await reason(good, { expected: { digest: "00".repeat(32) } })).toBe("unexpected_subject");
    expect(await reason(good, { expected: { gpu_uuid: "GPU-1", tree_digest: "cd".repeat(32) } })).toBe("L0");
    const sampled = { ...statement, verification: { ...statement.verification, tier: "leaves" } };
    expect(await reason(attest(sampled))).toBe("tier_too_low");
    expect(await reason(attest(sampled), { minTier: "leaves" })).toBe("L0");
    const assumed = { ...statement, verification: { ...statement.verification, assumption: "writes_ruled_out" } };
    expect(await reason(attest(assumed))).toBe("assumption");
    expect(await reason(attest(assumed), { allowAssumption: true })).toBe("L0");
    const now_ms = Date.parse("2026-01-31T12:01:00Z");
    expect(await reason(good, { maxAge_s: 60, now_ms })).toBe("L0");
    expect(await reason(good, { maxAge_s: 59, now_ms })).toBe("stale");
    expect(await reason(good, { maxAge_s: 59, now_ms: now_ms - 200_000 })).toBe("stale");
    expect(await reason(attest({ ...statement, issued_at: null }), { maxAge_s: 1, now_ms })).toBe("stale");
    expect(await reason(good, { keys: [] })).toBe("unknown_key");
    expect(await reason(attest(statement, ["worker"], "text/plain"))).toBe("wrong_payload_type");
    const changed = {
      ...good,
      envelope: { ...good.envelope, payload: attest({ ...statement, worker_id: "other" }).envelope.payload },
    };
    expect(await reason(changed)).toBe("signature_mismatch");
    // A signature that does not fit is not made up for by one that does.
    const both = attest(statement, ["worker", "service"]);
    both.envelope.signatures[1]!.sig = both.envelope.signatures[0]!.sig;
    expect(await reason(both)).toBe("signature_mismatch");
    expect(await reason(attest({ ...statement, extra: 1 }))).toBe("malformed");
    expect(await reason(attest("x"))).toBe("malformed");
    for (const value of [null, 1, {}, { envelope: {} }, "x"]) expect(await reason(value)).toBe("malformed");
  });
});
