import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readModelSigning } from "../src/model-signing.js";
import { dssePreAuthentication } from "../src/verify/index.js";

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
const pair = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const resources = ["config.json", "model.safetensors"].map((name) => ({
  name,
  algorithm: "sha256",
  digest: sha256(name),
}));
const root = sha256(Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, "hex"))));

function bundle(curve: string, hash: string, change: object = {}, changePredicate: object = {}) {
  const { privateKey, publicKey } = pair(curve);
  const payload = Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "model", digest: { sha256: root } }],
      predicateType: "https://model_signing/signature/v1.0",
      predicate: {
        serialization: { method: "files", hash_type: "sha256", allow_symlinks: false, ignore_paths: [".git"] },
        resources,
        ...changePredicate,
      },
      ...change,
    }),
  );
  const payloadType = "application/vnd.in-toto+json";
  const sig = sign(hash, dssePreAuthentication(payloadType, payload), privateKey).toString("base64");
  return {
    pem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    text: JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: { publicKey: { hint: "x" }, tlogEntries: [] },
      dsseEnvelope: { payload: payload.toString("base64"), payloadType, signatures: [{ sig, keyid: null }] },
    }),
  };
}

describe("a model-signing bundle", () => {
  it.each([
    ["prime256v1", "sha256"],
    ["secp384r1", "sha384"],
    ["secp521r1", "sha512"],
  ])("signed on %s gives the digests of its files", (curve, hash) => {
    const { text, pem } = bundle(curve, hash);
    const read = readModelSigning(text, { publicKey: pem });
    expect(read.signature).toBe("verified");
    expect(read.files.get("model.safetensors")).toBe(sha256("model.safetensors"));
    expect(read.root_digest).toBe(root);
  });

  it("is refused where its signature does not hold or nobody looked", () => {
    const { text, pem } = bundle("prime256v1", "sha256");
    const other = bundle("prime256v1", "sha256").pem;
    expect(() => readModelSigning(text, { publicKey: other })).toThrow(/does not fit this key/u);
    expect(() => readModelSigning(text)).toThrow(/nobody checks the signature/u);
    expect(readModelSigning(text, { trustUnchecked: true }).signature).toBe("not_checked");
    const changed = text.replace(/"payload":"./u, '"payload":"A');
    expect(() => readModelSigning(changed, { publicKey: pem })).toThrow();
  });

  it("is refused where it contradicts itself or says what is not understood", () => {
    const read = (change: object, predicate: object = {}) => {
      const { text, pem } = bundle("prime256v1", "sha256", change, predicate);
      return () => readModelSigning(text, { publicKey: pem });
    };
    expect(read({ subject: [{ name: "m", digest: { sha256: "0".repeat(64) } }] })).toThrow(/contradicts itself/u);
    expect(read({ predicateType: "https://model_signing/Digests/v0.1" })).toThrow(/expected a statement/u);
    expect(read({}, { serialization: { method: "file-shard-1048576", hash_type: "sha256" } })).toThrow(
      /--method files/u,
    );
    expect(read({}, { resources: [] })).toThrow(/no files/u);
    expect(read({}, { resources: [{ ...resources[0], name: "../x" }] })).toThrow(/no path below/u);
    expect(read({}, { resources: [resources[0], resources[0]] })).toThrow(/twice/u);
    expect(read({}, { resources: [{ ...resources[0], digest: "AB" }] })).toThrow(/64 lowercase/u);
    // These two threw errors of JavaScript's own: a file without a name, a signature that is no object.
    expect(read({}, { resources: [{ algorithm: "sha256" }] })).toThrow(/lists nothing/u);
    const { text: whole, pem } = bundle("prime256v1", "sha256");
    const unsigned = whole.replace(/"signatures":\[.*?\]/u, '"signatures":[null]');
    expect(() => readModelSigning(unsigned, { publicKey: pem })).toThrow(/signatures\[0\]: expected an object/u);
    expect(() => readModelSigning(whole, { publicKey: "no key" })).toThrow(/no key in PEM/u);
    for (const text of ["", "[]", "{}", '{"dsseEnvelope":1}'])
      expect(() => readModelSigning(text)).toThrow(/bundle|dsseEnvelope/u);
  });
});
