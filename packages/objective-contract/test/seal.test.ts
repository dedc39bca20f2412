import { execFileSync, spawnSync } from "node:child_process";
import { createPrivateKey, sign } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dssePreAuthEncoding, readDsseEnvelope, readSealStatement } from "../src/index.js";
import { checkSeal, makeSealKey, sealPath } from "../src/node/index.js";
import { folder } from "./support/runs.js";

function sealedFolder(): string {
  const dir = folder();
  mkdirSync(join(dir, "run"));
  writeFileSync(join(dir, "report.json"), "{}\n");
  writeFileSync(join(dir, "run/metrics.json"), "{}\n");
  return dir;
}

const key = makeSealKey();
const envelopeOf = (
  dir: string,
): { payload: string; payloadType: string; signatures: { keyid: string; sig: string }[] } =>
  JSON.parse(readFileSync(join(dir, "seal.json"), "utf8")) as ReturnType<typeof envelopeOf>;

describe("the envelope", () => {
  it("is signed over the encoding that the protocol's own example has", () => {
    const bytes = dssePreAuthEncoding("http://example.com/HelloWorld", new TextEncoder().encode("hello world"));
    expect(new TextDecoder().decode(bytes)).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });

  it("counts bytes, not characters", () => {
    const bytes = dssePreAuthEncoding("é", new TextEncoder().encode("ü"));
    expect(new TextDecoder().decode(bytes)).toBe("DSSEv1 2 é 2 ü");
  });

  it("is never read from something else, whatever that is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const read = readDsseEnvelope(json);
        expect(read.status === "ok" ? read.envelope.signatures.length : read.why.length).toBeGreaterThan(0);
        expect(["ok", "invalid"]).toContain(readSealStatement(json).status);
      }),
    );
  });

  it("may be in the URL-safe alphabet", () => {
    const read = readDsseEnvelope({ payloadType: "t", payload: "-_8=", signatures: [{ keyid: "k", sig: "AA" }] });
    expect(read).toMatchObject({ status: "ok", envelope: { payload: Uint8Array.of(0xfb, 0xff) } });
  });
});

describe("a seal", () => {
  it("is an in-toto statement over every file, and holds as long as nothing changes", async () => {
    const dir = sealedFolder();
    expect(await checkSeal(dir)).toEqual({ status: "unsealed" });
    expect(await sealPath(dir, key.private_pem)).toMatchObject({ keyid: key.keyid, files: 2 });
    const statement: unknown = JSON.parse(Buffer.from(envelopeOf(dir).payload, "base64").toString());
    expect(statement).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "report.json" }, { name: "run/metrics.json" }],
    });
    expect(await checkSeal(dir)).toMatchObject({ status: "intact", trusted: false, keyid: key.keyid, files: 2 });
    expect(await checkSeal(dir, { trusted: [key.public_pem] })).toMatchObject({ status: "intact", trusted: true });
    await expect(sealPath(dir, key.private_pem)).rejects.toMatchObject({ code: "write_failed" });
  });

  it("is beside a file that is sealed alone", async () => {
    const file = join(folder(), "packets.jsonl");
    writeFileSync(file, "{}\n");
    expect(await sealPath(file, key.private_pem)).toMatchObject({ file: `${file}.seal.json`, files: 1 });
    expect(await checkSeal(file)).toMatchObject({ status: "intact" });
    writeFileSync(file, "{ }\n");
    expect(await checkSeal(file)).toMatchObject({ problems: ["packets.jsonl was changed after the seal"] });
  });

  it.each<[string, (dir: string) => void, RegExp]>([
    ["a changed file", (dir) => writeFileSync(join(dir, "report.json"), "[]\n"), /report.json was changed/],
    ["a missing file", (dir) => rmSync(join(dir, "report.json")), /report.json is missing/],
    ["an added file", (dir) => writeFileSync(join(dir, "run/more"), ""), /run\/more was added/],
    ["a renamed file", (dir) => renameSync(join(dir, "report.json"), join(dir, "r.json")), /r.json was added/],
    ["a file that became a link", (dir) => linked(dir), /neither a file nor a folder/],
    ["a seal that is no JSON", (dir) => writeFileSync(join(dir, "seal.json"), "x"), /not JSON/],
    ["a seal without a signature", (dir) => rewrite(dir, { signatures: [] }), /at least one/],
    ["a seal of another type", (dir) => rewrite(dir, { payloadType: "text/plain" }), /payloadType/],
    ["a seal whose payload was changed", (dir) => rewrite(dir, { payload: forged(dir) }), /signature is not/],
  ])("is broken by %s", async (_, harm, problem) => {
    const dir = sealedFolder();
    await sealPath(dir, key.private_pem);
    harm(dir);
    const check = await checkSeal(dir);
    expect(check.status).toBe("broken");
    expect(check.status === "broken" ? check.problems.join("\n") : "").toMatch(problem);
  });

  it("by a key that is not trusted is broken for whoever names those that are, and the key is named", async () => {
    const dir = sealedFolder();
    const other = makeSealKey();
    await sealPath(dir, other.private_pem);
    const check = await checkSeal(dir, { trusted: [key.public_pem] });
    expect(check).toMatchObject({ status: "broken", keyid: other.keyid });
    expect(JSON.stringify(check)).toContain("not one of those that are trusted");
    // Somebody who seals anew after a change is found out only by naming the keys that are trusted.
    expect(await checkSeal(dir)).toMatchObject({ status: "intact", trusted: false, keyid: other.keyid });
  });

  it("names a public key that is not the signer's: broken", async () => {
    const dir = sealedFolder();
    await sealPath(dir, key.private_pem);
    const envelope = envelopeOf(dir);
    const statement = JSON.parse(Buffer.from(envelope.payload, "base64").toString()) as {
      predicate: { public_key: string };
    };
    statement.predicate.public_key = makeSealKey().public_pem;
    const payload = Buffer.from(JSON.stringify(statement));
    const sig = sign(null, dssePreAuthEncoding(envelope.payloadType, payload), createPrivateKey(key.private_pem));
    rewrite(dir, {
      payload: payload.toString("base64"),
      signatures: [{ keyid: key.keyid, sig: sig.toString("base64") }],
    });
    expect(await checkSeal(dir)).toMatchObject({ status: "broken" });
  });

  it("is made with Ed25519 keys only", async () => {
    const dir = sealedFolder();
    await expect(sealPath(dir, "no key")).rejects.toMatchObject({ code: "invalid_option" });
    await expect(sealPath(dir, key.public_pem)).rejects.toMatchObject({ code: "invalid_option" });
    await expect(sealPath(join(dir, "nothing"), key.private_pem)).rejects.toMatchObject({ code: "read_failed" });
  });

  const noOpenssl = spawnSync("openssl", ["version"]).status !== 0;
  if (noOpenssl) console.log("skipped: a seal by another program: openssl is not installed");
  it.skipIf(noOpenssl)("takes the keys of openssl, which verifies the signature", async () => {
    const dir = folder();
    const openssl = (...args: string[]): string => execFileSync("openssl", args, { cwd: dir, encoding: "utf8" });
    openssl("genpkey", "-algorithm", "ed25519", "-out", "key.pem");
    openssl("pkey", "-in", "key.pem", "-pubout", "-out", "key.pub");
    const file = join(dir, "packets.jsonl");
    writeFileSync(file, "{}\n");
    await sealPath(file, readFileSync(join(dir, "key.pem"), "utf8"));
    const trusted = [readFileSync(join(dir, "key.pub"), "utf8")];
    expect(await checkSeal(file, { trusted })).toMatchObject({ status: "intact", trusted: true });

    const envelope = JSON.parse(readFileSync(`${file}.seal.json`, "utf8")) as ReturnType<typeof envelopeOf>;
    const payload = Buffer.from(envelope.payload, "base64");
    writeFileSync(join(dir, "signed"), dssePreAuthEncoding(envelope.payloadType, payload));
    writeFileSync(join(dir, "sig"), Buffer.from(envelope.signatures[0]!.sig, "base64"));
    const verified = [
      "pkeyutl",
      "-verify",
      "-pubin",
      "-inkey",
      "key.pub",
      "-rawin",
      "-in",
      "signed",
      "-sigfile",
      "sig",
    ];
    expect(openssl(...verified)).toContain("Verified Successfully");
  });
});

function rewrite(dir: string, changes: object): void {
  writeFileSync(join(dir, "seal.json"), JSON.stringify({ ...envelopeOf(dir), ...changes }));
}

function forged(dir: string): string {
  const text = Buffer.from(envelopeOf(dir).payload, "base64").toString();
  return Buffer.from(text.replace("report.json", "retort.json")).toString("base64");
}

function linked(dir: string): void {
  rmSync(join(dir, "report.json"));
  symlinkSync("run/metrics.json", join(dir, "report.json"));
}
