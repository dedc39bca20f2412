/*
 * Dead Simple Signing Envelope 1.0 (https://github.com/secure-systems-lab/dsse): a payload with its type, signed as
 * both together. Pure: who signs and who verifies brings the cryptography.
 */

/** An envelope as JSON has it; payload and signatures in base64. */
export interface DsseEnvelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** An envelope that was read: the same, as bytes. */
export interface OpenedEnvelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly { readonly keyid: string; readonly sig: Uint8Array }[];
}

export type ReadEnvelope =
  { readonly status: "ok"; readonly envelope: OpenedEnvelope } | { readonly status: "invalid"; readonly why: string };

/**
 * What is signed (PAE of the protocol): the lengths of type and payload are in it, so that no other pair of a type and a
 * payload has the same bytes.
 */
export function dssePreAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const text = new TextEncoder();
  const type = text.encode(payloadType);
  const parts = [text.encode(`DSSEv1 ${type.length} `), type, text.encode(` ${payload.length} `), payload];
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The envelope of a payload with one signature over its pre-authentication encoding. */
export function dsseEnvelope(
  payloadType: string,
  payload: Uint8Array,
  signature: { readonly keyid: string; readonly sig: Uint8Array },
): DsseEnvelope {
  return {
    payloadType,
    payload: toBase64(payload),
    signatures: [{ keyid: signature.keyid, sig: toBase64(signature.sig) }],
  };
}

/** Reads an envelope from what JSON gave: standard and URL-safe base64, as the protocol asks of those who verify. */
export function readDsseEnvelope(json: unknown): ReadEnvelope {
  const invalid = (why: string): ReadEnvelope => ({ status: "invalid", why });
  if (!isObject(json)) return invalid("expected a DSSE envelope, found no object");
  const { payloadType, payload, signatures } = json;
  if (typeof payloadType !== "string") return invalid("payloadType: expected a text");
  const bytes = typeof payload === "string" ? fromBase64(payload) : null;
  if (bytes === null) return invalid("payload: expected base64");
  if (!Array.isArray(signatures) || signatures.length === 0) return invalid("signatures: expected at least one");
  const opened: { keyid: string; sig: Uint8Array }[] = [];
  for (const [index, one] of (signatures as unknown[]).entries()) {
    const { keyid = "", sig } = isObject(one) ? one : {};
    const signature = typeof sig === "string" ? fromBase64(sig) : null;
    if (typeof keyid !== "string") return invalid(`signatures/${index}/keyid: expected a text`);
    if (signature === null) return invalid(`signatures/${index}/sig: expected base64`);
    opened.push({ keyid, sig: signature });
  }
  return { status: "ok", envelope: { payloadType, payload: bytes, signatures: opened } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  // In pieces: the arguments of one call are limited.
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array | null {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(standard)) return null;
  try {
    return Uint8Array.from(atob(standard), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
