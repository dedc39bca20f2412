import { type KeyObject, createHash, createPublicKey, sign } from "node:crypto";
import type { AttestationReport } from "@vrx/native-cuda";
import { VramResidencyError } from "./errors.js";
import type { SealKey } from "./seal-keys.js";
import {
  ATTESTATION_TYPE,
  type Attestation,
  type AttestationStatement,
  type TrustLevel,
  type VerificationKey,
  dssePreAuthentication,
} from "./verify/index.js";

/** Signs statements; where its key lies outside the worker, that is what makes an attestation of level L1. */
export interface AttestationSigner {
  readonly key_id: string;
  readonly held: "worker" | "external";
  sign(bytes: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

/** A signer that seals with the worker's own key: HMAC-SHA256, level L0. */
export function sealKeySigner(key: SealKey): AttestationSigner {
  return { key_id: key.id, held: "worker", sign: (bytes) => key.mac(bytes) };
}

/**
 * A signer with an Ed25519 key in this process: level L0, since the worker holds the key, but checked without its secret.
 * For L1 implement `AttestationSigner` over a service or a module that keeps the key.
 */
export function ed25519Signer(
  privateKey: KeyObject,
  key_id?: string,
): AttestationSigner & { readonly public_key: Uint8Array } {
  if (privateKey.asymmetricKeyType !== "ed25519" || privateKey.type !== "private") {
    throw new VramResidencyError("config_error", "expected a private Ed25519 key");
  }
  const public_key = rawPublicKey(privateKey);
  return {
    key_id: key_id ?? publicKeyId(public_key),
    held: "worker",
    public_key,
    sign: (bytes) => sign(null, bytes, privateKey),
  };
}

/** Asks the hardware for a report over a nonce of 32 bytes; null where it has none. */
export type HardwareReporter = (nonce: Uint8Array) => Promise<AttestationReport | null>;

/**
 * Signs a statement and, where a reporter is given, has the hardware report over the statement's digest. Throws
 * `cuda_driver_error` where it then does not: a claim of L2 without a report must not leave.
 */
export async function signAttestation(
  statement: Omit<AttestationStatement, "claimed_level">,
  signers: readonly AttestationSigner[],
  report: HardwareReporter | null,
): Promise<{ readonly attestation: Attestation; readonly statement_sha256: string }> {
  const claimed_level: TrustLevel =
    report !== null ? "L2" : signers.some(({ held }) => held === "external") ? "L1" : "L0";
  const payload = Buffer.from(JSON.stringify({ ...statement, claimed_level }));
  const signed = dssePreAuthentication(ATTESTATION_TYPE, payload);
  const signatures = await Promise.all(
    signers.map(async (signer) => ({
      keyid: signer.key_id,
      sig: Buffer.from(await signer.sign(signed)).toString("base64"),
    })),
  );
  const digest = createHash("sha256").update(payload).digest();
  const hardware = report === null ? null : await report(digest);
  if (report !== null && hardware === null) {
    throw new VramResidencyError("cuda_driver_error", "confidential computing is on, and the device gives no report");
  }
  const certificates = hardware?.certificates ?? null;
  return {
    attestation: {
      envelope: { payloadType: ATTESTATION_TYPE, payload: payload.toString("base64"), signatures },
      hardware_report:
        hardware === null
          ? null
          : {
              kind: "nvidia_gpu",
              report: Buffer.from(hardware.report).toString("base64"),
              certificate_chain: certificates === null ? null : Buffer.from(certificates).toString("base64"),
            },
    },
    statement_sha256: digest.toString("hex"),
  };
}

/** The key that a verifier needs for an Ed25519 signer; `held` is what the verifier knows of who can sign with it. */
export function ed25519VerificationKey(key: KeyObject, held: "worker" | "external", key_id?: string): VerificationKey {
  if (key.asymmetricKeyType !== "ed25519") throw new VramResidencyError("config_error", "expected an Ed25519 key");
  const public_key = rawPublicKey(key);
  return { key_id: key_id ?? publicKeyId(public_key), algorithm: "ed25519", public_key, held };
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return Uint8Array.from(Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"));
}

function publicKeyId(raw: Uint8Array): string {
  return createHash("sha256").update(raw).digest("hex").slice(0, 16);
}
