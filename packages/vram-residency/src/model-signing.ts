import { type KeyObject, createHash, createPublicKey, verify } from "node:crypto";
import { dssePreAuthentication, readDsseEnvelope } from "./verify/dsse.js";
import { formatFieldIssues, shown } from "./verify/field-issue.js";
import { isDigest } from "./verify/index.js";
import { VramResidencyError, invalidInput } from "./errors.js";

/** Digests of a model's files by an OpenSSF model-signing manifest (OMS 1.0), and who vouches for them. */
export interface SignedModelDigests {
  /** SHA-256 by the file's path from the model's root, with `/` between folders. */
  readonly files: ReadonlyMap<string, string>;
  /** SHA-256 over all files' digests, as the manifest has it. */
  readonly root_digest: string;
  readonly signature: "verified" | "not_checked";
}

export interface ReadModelSigningOptions {
  /** The signer's public key (ECDSA on P-256, P-384 or P-521) in PEM. Without it the signature is not checked. */
  readonly publicKey?: string;
  /** Take the digests although nobody checks the signature here: for certificates and Sigstore, whose own tools check it. */
  readonly trustUnchecked?: boolean;
}

const PREDICATE = "https://model_signing/signature/v1.0";
const STATEMENT = "https://in-toto.io/Statement/v1";
const PAYLOAD = "application/vnd.in-toto+json";
const HASH_OF_CURVE: Readonly<Record<string, string>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};

/**
 * Reads the digests of a model's files from the bundle that `model_signing sign` writes (`model.sig`). The signature is
 * checked with the key that is given; a bundle that needs certificates or Sigstore must be checked by their tools first.
 * Throws `invalid_input` for what is no such bundle, and `integrity_violation` where it contradicts itself or its signature.
 */
export function readModelSigning(text: string, options: ReadModelSigningOptions = {}): SignedModelDigests {
  const bundle = objectOf(parse(text, "the model-signing bundle"), "the model-signing bundle");
  const dsse = objectOf(bundle["dsseEnvelope"], "dsseEnvelope");
  const listed = Array.isArray(dsse["signatures"]) ? (dsse["signatures"] as unknown[]) : [];
  const signatures = listed.map((item, index) => objectOf(item, `dsseEnvelope.signatures[${index}]`));
  // OMS lets keyid be absent, empty or null; the envelope's reader wants a text.
  const envelope = readDsseEnvelope({
    payloadType: dsse["payloadType"],
    payload: dsse["payload"],
    signatures: signatures.map(({ sig, keyid }) => ({ sig, keyid: keyid ?? "" })),
  });
  if (envelope.status === "invalid")
    throw invalidInput(`the model-signing bundle: ${formatFieldIssues(envelope.issues)}`);
  if (envelope.value.payloadType !== PAYLOAD)
    throw invalidInput(`the model-signing bundle holds ${shown(envelope.value.payloadType)}, not ${PAYLOAD}`);
  const payload = Buffer.from(envelope.value.payload, "base64");
  const checked = checkSignature(payload, envelope.value.signatures, options);

  const statement = objectOf(parse(payload.toString("utf8"), "the statement"), "the statement");
  if (statement["_type"] !== STATEMENT || statement["predicateType"] !== PREDICATE) {
    throw invalidInput(`expected a statement of ${PREDICATE}, found ${shown(statement["predicateType"])}`);
  }
  const predicate = objectOf(statement["predicate"], "predicate");
  const { method, hash_type } = objectOf(predicate["serialization"], "predicate.serialization");
  if (method !== "files" || hash_type !== "sha256") {
    const found = `${shown(method)} by ${shown(hash_type)}`;
    throw invalidInput(`expected whole files hashed by sha256, found ${found}: sign the model with --method files`);
  }
  const files = filesOf(predicate["resources"]);
  const root_digest = createHash("sha256")
    .update(Buffer.concat([...files.values()].map((digest) => Buffer.from(digest, "hex"))))
    .digest("hex");
  const [subject] = Array.isArray(statement["subject"]) ? (statement["subject"] as unknown[]) : [];
  const said = objectOf(objectOf(subject, "subject[0]")["digest"], "subject[0].digest")["sha256"];
  if (said !== root_digest) {
    throw new VramResidencyError(
      "integrity_violation",
      "the model-signing manifest contradicts itself: its root digest is not that of its files",
    );
  }
  return { files, root_digest, signature: checked };
}

function checkSignature(
  payload: Buffer,
  signatures: readonly { readonly sig: string }[],
  { publicKey, trustUnchecked }: ReadModelSigningOptions,
): SignedModelDigests["signature"] {
  if (publicKey === undefined) {
    if (trustUnchecked === true) return "not_checked";
    throw invalidInput(
      "nobody checks the signature of the model-signing bundle: give the signer's public key, or say that it was checked elsewhere",
    );
  }
  const key = keyOf(publicKey);
  const curve = key.asymmetricKeyDetails?.namedCurve ?? "";
  const hash = HASH_OF_CURVE[curve];
  if (hash === undefined) throw invalidInput("expected an ECDSA key on P-256, P-384 or P-521");
  const signed = dssePreAuthentication(PAYLOAD, payload);
  const holds = signatures.some(({ sig }) => verify(hash, signed, key, Buffer.from(sig, "base64")));
  if (holds) return "verified";
  throw new VramResidencyError(
    "integrity_violation",
    "the signature of the model-signing bundle does not fit this key",
  );
}

function keyOf(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (error) {
    throw new VramResidencyError("invalid_input", "the signer's public key is no key in PEM", { cause: error });
  }
}

function filesOf(resources: unknown): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  if (!Array.isArray(resources) || resources.length === 0)
    throw invalidInput("the model-signing manifest lists no files");
  for (const resource of resources as unknown[]) {
    const { name, algorithm, digest } = objectOf(resource, "a resource");
    if (typeof name !== "string" || name === "" || name.startsWith("/") || name.split("/").includes("..")) {
      throw invalidInput(`the model-signing manifest lists ${shown(name)}, which is no path below the model`);
    }
    if (algorithm !== "sha256" || typeof digest !== "string" || !isDigest(digest)) {
      throw invalidInput(`${shown(name)}: expected a sha256 of 64 lowercase hexadecimal digits`);
    }
    if (files.has(name)) throw invalidInput(`the model-signing manifest lists ${shown(name)} twice`);
    files.set(name, digest);
  }
  return files;
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new VramResidencyError("invalid_input", `${what} is not JSON`, { cause: error });
  }
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalidInput(`${what}: expected an object`);
}
