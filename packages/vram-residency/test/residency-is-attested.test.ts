import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ed25519Signer, ed25519VerificationKey, sealKeySigner } from "../src/attest.js";
import { workerTokenKeys, workerTokenVerificationKey } from "../src/seal-keys.js";
import { testVramManager } from "../src/testing/index.js";
import { verifyAttestation } from "../src/verify/index.js";

const nonce = randomBytes(32).toString("hex");
const { privateKey, publicKey } = generateKeyPairSync("ed25519");

describe("an attestation of a manager", () => {
  it("is verified with the worker's key, and refused because it is simulated", async () => {
    await using test = await testVramManager({ keys: workerTokenKeys("token"), worker_id: "w" });
    const { manager } = test;
    const { shard } = await manager.sealModel(randomBytes(9000), { model_ref: "m" });
    const attestation: unknown = JSON.parse(JSON.stringify(await manager.attestVramResidency(shard, { nonce })));
    const keys = [workerTokenVerificationKey("token")];
    expect(await verifyAttestation(attestation, { nonce, keys })).toMatchObject({
      status: "refused",
      reason: "simulated",
    });
    const verdict = await verifyAttestation(attestation, {
      nonce,
      keys,
      allowSimulated: true,
      maxAge_s: 60,
      expected: { digest: shard.digest },
    });
    expect(verdict).toMatchObject({
      status: "verified",
      level: "L0",
      statement: {
        simulated: true,
        worker_id: "w",
        claimed_level: "L0",
        shard: { shard_id: shard.shard_id },
        seal: { model_ref: "m" },
        verification: { tier: "tree", leaves_checked: 3 },
      },
    });
    if (verdict.status !== "verified") return;
    expect(verdict.statement.driver.library_sha256).toMatch(/^[0-9a-f]{64}$/u);
    expect(verdict.statement.policy.proven).toContain("memory_type_device");
    expect(JSON.stringify(verdict.statement)).not.toMatch(/0x[0-9a-f]{6,}/iu);
  });

  it("carries L1 where a key outside of the worker signs", async () => {
    const own = ed25519Signer(privateKey);
    const outside = {
      key_id: "kms",
      held: "external" as const,
      sign: (bytes: Uint8Array) => Promise.resolve(own.sign(bytes)),
    };
    const keys = workerTokenKeys("token");
    await using test = await testVramManager({ keys, signers: [sealKeySigner(keys.current()), outside] });
    const { shard } = await test.manager.sealModel(randomBytes(10));
    const attestation = await test.manager.attestVramResidency(shard, { nonce });
    const external = ed25519VerificationKey(publicKey, "external", "kms");
    const options = {
      nonce,
      allowSimulated: true,
      keys: [external, workerTokenVerificationKey("token")],
      minLevel: "L1" as const,
    };
    expect(await verifyAttestation(attestation, options)).toMatchObject({ status: "verified", level: "L1" });
    expect(
      await verifyAttestation(attestation, { ...options, keys: [workerTokenVerificationKey("token")] }),
    ).toMatchObject({ reason: "level_too_low" });
  });

  it("carries L2 where the device reports over the statement's digest", async () => {
    await using test = await testVramManager(
      { signers: [ed25519Signer(privateKey, "k")] },
      { conf_compute: { environment: 2, feature: 1, dev_tools: 0 } },
    );
    const { shard } = await test.manager.sealModel(randomBytes(10));
    const attestation = await test.manager.attestVramResidency(shard, { nonce });
    expect(attestation.hardware_report).not.toBe(null);
    const seen: number[] = [];
    const verdict = await verifyAttestation(attestation, {
      nonce,
      allowSimulated: true,
      keys: [ed25519VerificationKey(publicKey, "worker", "k")],
      verifyHardwareReport: (_report, bytes) => seen.push(bytes.length) > 0,
    });
    expect(verdict).toMatchObject({
      status: "verified",
      level: "L2",
      statement: { claimed_level: "L2", confidential_computing: "on" },
    });
    expect(seen).toEqual([32]);
  });

  it("does not exist of what does not verify", async () => {
    await using test = await testVramManager();
    const { manager, driver } = test;
    const { shard } = await manager.sealModel(randomBytes(5000));
    await expect(manager.attestVramResidency(shard, { nonce: "short" })).rejects.toMatchObject({
      code: "invalid_input",
    });
    driver.flipBit({ allocation: -1, offset: 4999 });
    await expect(manager.attestVramResidency(shard, { nonce })).rejects.toMatchObject({
      code: "seal_verification_failed",
      fatal: true,
    });
  });
});
