import { ed25519 } from "@noble/curves/ed25519.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { equalBytes, fromBase64, hmacSha256 } from "./bytes.js";
import { FieldReader, type Read, shown } from "./field-issue.js";

/** A DSSE envelope (https://github.com/secure-systems-lab/dsse, protocol 1.0.2): payload and signatures in base64. */
export interface DsseEnvelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/**
 * A key that a verifier trusts. `held` says who could have signed with it: the worker itself, or only something outside it
 * (a key service, a hardware module). That is the verifier's knowledge; no statement can claim it.
 */
export type VerificationKey =
  | {
      readonly key_id: string;
      readonly algorithm: "hmac-sha256";
      readonly key: Uint8Array;
      readonly held: "worker" | "external";
    }
  | {
      readonly key_id: string;
      readonly algorithm: "ed25519";
      readonly public_key: Uint8Array;
      readonly held: "worker" | "external";
    };

export type DsseVerdict =
  | { readonly status: "verified"; readonly payload: Uint8Array; readonly signed_by: readonly VerificationKey[] }
  | {
      readonly status: "refused";
      readonly reason: "wrong_payload_type" | "unknown_key" | "signature_mismatch";
      readonly message: string;
    };

const ED25519_SIGNATURE_BYTES = 64;

/** What is signed: DSSE's pre-authentication encoding of a payload and its type. */
export function dssePreAuthentication(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8ToBytes(payloadType);
  return concatBytes(utf8ToBytes(`DSSEv1 ${type.length} `), type, utf8ToBytes(` ${payload.length} `), payload);
}

/**
 * Checks every signature whose key is known. One that does not fit refuses the envelope; one of an unknown key proves
 * nothing and is passed over. At least one must fit.
 */
export function verifyDsse(envelope: DsseEnvelope, payloadType: string, keys: readonly VerificationKey[]): DsseVerdict {
  if (envelope.payloadType !== payloadType) {
    const message = `expected a payload of ${payloadType}, found ${shown(envelope.payloadType)}`;
    return { status: "refused", reason: "wrong_payload_type", message };
  }
  const payload = fromBase64(envelope.payload) ?? new Uint8Array();
  const signed = dssePreAuthentication(payloadType, payload);
  const signed_by: VerificationKey[] = [];
  for (const { keyid, sig } of envelope.signatures) {
    const key = keys.find(({ key_id }) => key_id === keyid);
    if (key === undefined) continue;
    const signature = fromBase64(sig) ?? new Uint8Array();
    if (!fits(key, signed, signature)) {
      return {
        status: "refused",
        reason: "signature_mismatch",
        message: `the signature of key ${shown(keyid)} does not fit`,
      };
    }
    if (!signed_by.includes(key)) signed_by.push(key);
  }
  if (signed_by.length > 0) return { status: "verified", payload, signed_by };
  const signers = envelope.signatures.map(({ keyid }) => shown(keyid)).join(", ");
  return {
    status: "refused",
    reason: "unknown_key",
    message: `signed by ${signers || "nobody"}; none of these keys is known here`,
  };
}

function fits(key: VerificationKey, signed: Uint8Array, signature: Uint8Array): boolean {
  if (key.algorithm === "hmac-sha256") return equalBytes(signature, hmacSha256(key.key, signed));
  if (signature.length !== ED25519_SIGNATURE_BYTES) return false;
  try {
    // Strict RFC 8032: no points of small order, one encoding of each.
    return ed25519.verify(signature, signed, key.public_key, { zip215: false });
  } catch {
    return false;
  }
}

const MAX_SIGNATURES = 64;

/** Reads an envelope from JSON strictly, all problems at once. */
export function readDsseEnvelope(value: unknown, pointer = ""): Read<DsseEnvelope> {
  const fields = new FieldReader(value, ["payloadType", "payload", "signatures"], pointer);
  const payloadType = fields.text("payloadType", "a media type", (text) => text.length > 0 && text.length <= 256);
  const payload = fields.text("payload", "base64", (text) => fromBase64(text) !== null);
  const list = fields.raw("signatures");
  const signatures: { keyid: string; sig: string }[] = [];
  if (Array.isArray(list) && list.length > 0 && list.length <= MAX_SIGNATURES) {
    list.forEach((item: unknown, index) => {
      const signature = new FieldReader(item, ["keyid", "sig"], `${pointer}/signatures/${index}`, fields.issues);
      const keyid = signature.text("keyid", "the id of a key", (text) => text.length <= 256);
      signatures.push({ keyid, sig: signature.text("sig", "base64", (text) => fromBase64(text) !== null) });
    });
  } else {
    const expected = `a list of 1 to ${MAX_SIGNATURES} signatures`;
    fields.issues.push({ pointer: fields.at("signatures"), expected, found: shown(list) });
  }
  return fields.result(() => ({ payloadType, payload, signatures }));
}
