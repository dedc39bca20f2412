import {
  type KeyObject,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ObjectiveContractError } from "../errors.js";
import { prettyJson } from "../json.js";
import { type OpenedEnvelope, dsseEnvelope, dssePreAuthEncoding, readDsseEnvelope } from "../seal/dsse.js";
import {
  STATEMENT_PAYLOAD_TYPE,
  type SealStatement,
  readSealStatement,
  sealStatement,
} from "../seal/seal-statement.js";
import { TOOL_VERSION } from "./collect-env.js";
import { errorCode, writeFileAtomic } from "./internal/atomic-file.js";
import { MAX_ARTIFACT_BYTES } from "./internal/read-files.js";

/** The seal of a folder, in it; that of a file is beside it, with its name in front. */
export const SEAL_FILE = "seal.json";

/** Where the seal of a folder or a file is. */
export function sealFileOf(path: string, isFolder: boolean): string {
  return isFolder ? join(path, SEAL_FILE) : `${path}.${SEAL_FILE}`;
}

/** An Ed25519 key, as PEM (PKCS #8 and SPKI). */
export interface SealKey {
  readonly private_pem: string;
  readonly public_pem: string;
  /** The SHA-256 of the public key (SPKI, DER): what seals and people call it. */
  readonly keyid: string;
}

/** A new key to seal with; `openssl genpkey -algorithm ed25519` makes the same kind. */
export function makeSealKey(): SealKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    private_pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    public_pem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    keyid: keyidOf(publicKey),
  };
}

/** What became of sealing. */
export interface Sealed {
  readonly file: string;
  readonly keyid: string;
  readonly files: number;
}

/**
 * Seals a folder (every file below it) or one file: an in-toto statement over the SHA-256 of each, in a DSSE envelope
 * signed with Ed25519. Throws `invalid_option` for a key that is none, `read_failed` where something cannot be read or
 * is neither a file nor a folder, and `write_failed`, also where a seal is there already.
 */
export async function sealPath(path: string, private_pem: string): Promise<Sealed> {
  const key = privateKeyOf(private_pem);
  const publicKey = createPublicKey(key);
  const keyid = keyidOf(publicKey);
  const isFolder = await isFolderAt(path);
  const sha256 = await digests(path, isFolder);
  const statement = sealStatement(sha256, {
    sealed_utc: new Date().toISOString(),
    tool: TOOL_VERSION,
    public_key: publicKey.export({ type: "spki", format: "pem" }).toString(),
  });
  const payload = new TextEncoder().encode(JSON.stringify(statement));
  const sig = sign(null, dssePreAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload), key);
  const { payloadType, payload: text, signatures } = dsseEnvelope(STATEMENT_PAYLOAD_TYPE, payload, { keyid, sig });
  const file = sealFileOf(path, isFolder);
  const json = prettyJson({ payloadType, payload: text, signatures: signatures.map((one) => ({ ...one })) });
  if (!writeFileAtomic(dirname(file), basename(file), json, { exclusive: true })) {
    throw new ObjectiveContractError("write_failed", `Cannot write ${file}: a seal is there; remove it to seal anew.`, {
      details: { path: file },
    });
  }
  return { file, keyid, files: Object.keys(sha256).length };
}

/** What a seal says of a folder or a file. */
export type SealCheck =
  /** There is none: whoever changed the artifacts consistently is not found out. */
  | { readonly status: "unsealed" }
  /** The signature holds, and every file is what it was; `trusted` where the key is one of those that were given. */
  | {
      readonly status: "intact";
      readonly keyid: string;
      readonly trusted: boolean;
      readonly files: number;
      readonly sealed_utc: string;
    }
  /** The seal, the key or a file is not what it should be; `keyid` null where nobody can be named. */
  | { readonly status: "broken"; readonly keyid: string | null; readonly problems: readonly string[] };

/** More would say nothing new. */
const MOST_PROBLEMS = 20;

/** A seal of a million files has 130 MB; more is no seal. */
const MAX_SEAL_BYTES = 16 * MAX_ARTIFACT_BYTES;

/**
 * Checks the seal of a folder or a file. Without keys, the key that the seal names itself is used: that finds changes,
 * and says whose key it was, not whether to believe them. With `trusted` keys (PEM, public or private), a seal by
 * another one is broken. Throws `invalid_option` for a key that is none and `read_failed` where `path` is not there.
 */
export async function checkSeal(
  path: string,
  { trusted = [] }: { readonly trusted?: readonly string[] } = {},
): Promise<SealCheck> {
  const keys = trusted.map(publicKeyOf);
  const isFolder = await isFolderAt(path);
  const file = sealFileOf(path, isFolder);
  const broken = (keyid: string | null, problems: readonly string[]): SealCheck => ({
    status: "broken",
    keyid,
    problems: problems.length > MOST_PROBLEMS ? [...problems.slice(0, MOST_PROBLEMS), "and more"] : problems,
  });
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > MAX_SEAL_BYTES) return broken(null, [`${file}: ${size} bytes are no seal`]);
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { status: "unsealed" };
    return broken(null, [`${file}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  const opened = openedSeal(text);
  if (typeof opened === "string") return broken(null, [`${basename(file)}: ${opened}`]);
  const { envelope, statement } = opened;
  const own = ed25519Of(statement.predicate.public_key);
  if (own === null) return broken(null, [`${basename(file)}: predicate/public_key: expected an Ed25519 key as PEM`]);
  const candidates = keys.length === 0 ? [own] : keys;
  const signer = candidates.find((key) => holds(envelope, key));
  if (signer === undefined) {
    const [first] = envelope.signatures;
    const whose = keys.length === 0 ? `that of key ${keyidOf(own)}` : "by none of the keys that are trusted";
    const why =
      keys.length > 0 && holds(envelope, own)
        ? `it is signed with key ${keyidOf(own)}, which is not one of those that are trusted`
        : `the signature is not ${whose}`;
    return broken(first === undefined ? null : keyidOf(own), [`${basename(file)}: ${why}`]);
  }
  const problems = await differences(path, isFolder, statement);
  const keyid = keyidOf(signer);
  if (problems.length > 0) return broken(keyid, problems);
  const { sealed_utc } = statement.predicate;
  return { status: "intact", keyid, trusted: keys.length > 0, files: statement.subject.length, sealed_utc };
}

function openedSeal(text: string): { readonly envelope: OpenedEnvelope; readonly statement: SealStatement } | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return "it is not JSON";
  }
  const read = readDsseEnvelope(json);
  if (read.status === "invalid") return read.why;
  const { envelope } = read;
  if (envelope.payloadType !== STATEMENT_PAYLOAD_TYPE) return `payloadType: expected ${STATEMENT_PAYLOAD_TYPE}`;
  let payload: unknown;
  try {
    payload = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(envelope.payload));
  } catch {
    return "its payload is not JSON";
  }
  const statement = readSealStatement(payload);
  return statement.status === "ok" ? { envelope, statement: statement.statement } : statement.why;
}

function holds({ payloadType, payload, signatures }: OpenedEnvelope, key: KeyObject): boolean {
  const signed = dssePreAuthEncoding(payloadType, payload);
  return signatures.some(({ sig }) => verify(null, signed, key, sig));
}

async function differences(path: string, isFolder: boolean, { subject }: SealStatement): Promise<readonly string[]> {
  let now: Readonly<Record<string, string>>;
  try {
    now = await digests(path, isFolder);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  const sealed = new Map(subject.map(({ name, digest }) => [name, digest.sha256]));
  return [...new Set([...sealed.keys(), ...Object.keys(now)])].sort().flatMap((name) => {
    if (now[name] === undefined) return [`${name} is missing`];
    if (!sealed.has(name)) return [`${name} was added after the seal`];
    return sealed.get(name) === now[name] ? [] : [`${name} was changed after the seal`];
  });
}

/** The SHA-256 of one file, or of every file below a folder but its seal. */
async function digests(path: string, isFolder: boolean): Promise<Readonly<Record<string, string>>> {
  if (!isFolder) return { [basename(path)]: await sha256(path) };
  // Names may be anything, `__proto__` too.
  const found = Object.create(null) as Record<string, string>;
  for (const name of await namesBelow(path)) if (name !== SEAL_FILE) found[name] = await sha256(join(path, name));
  return found;
}

async function namesBelow(folder: string, below = ""): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) names.push(...(await namesBelow(folder, name)));
    else if (entry.isFile()) names.push(name);
    else {
      throw new ObjectiveContractError("read_failed", `${join(folder, name)} is neither a file nor a folder`, {
        details: { path: join(folder, name) },
      });
    }
  }
  return names;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function isFolderAt(path: string): Promise<boolean> {
  try {
    const found = await stat(path);
    if (found.isDirectory() || found.isFile()) return found.isDirectory();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ObjectiveContractError("read_failed", `Cannot read ${path}: ${why}`, { details: { path }, cause: error });
  }
  throw new ObjectiveContractError("read_failed", `Cannot seal ${path}: it is neither a file nor a folder`, {
    details: { path },
  });
}

function keyidOf(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
}

function privateKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Said below.
  }
  throw badKey("a private Ed25519 key as PEM, such as `openssl genpkey -algorithm ed25519` makes");
}

function publicKeyOf(pem: string): KeyObject {
  const key = ed25519Of(pem);
  if (key !== null) return key;
  throw badKey("an Ed25519 key as PEM, such as `openssl pkey -pubout` makes");
}

function ed25519Of(pem: string): KeyObject | null {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === "ed25519" ? key : null;
  } catch {
    return null;
  }
}

function badKey(expected: string): ObjectiveContractError {
  return new ObjectiveContractError("invalid_option", `key: expected ${expected}`);
}
