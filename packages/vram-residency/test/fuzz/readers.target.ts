import { formatFieldIssues, readAttestation, readAttestationStatement } from "../../src/verify/index.js";
import { readSealEnvelope, verifyAuditText, verifyDsse, verifySealEnvelope } from "../../src/verify/index.js";
import { ATTESTATION_TYPE, type Read, readSealedShard, verifyGroupSeals } from "../../src/verify/index.js";
import { isVramResidencyError } from "../../src/errors.js";
import { readModelSigning } from "../../src/model-signing.js";
import { readSafetensorsHeader } from "../../src/safetensors.js";
import { AUDIT_GENESIS, auditLine } from "../../src/verify/audit-chain.js";
import { fromBase64 } from "../../src/verify/bytes.js";
import { corpusKey, sealedEnvelope } from "./signed.js";

/** Finds bytes that make a reader throw what it does not promise, or that it takes for what they are not. */
export function fuzz(bytes: Uint8Array): void {
  safetensors(bytes);
  const text = new TextDecoder().decode(bytes);
  audit(text);
  modelSigning(text);
  const value = parsed(text);
  if (value === undefined) return;
  again(readSealedShard(value), readSealedShard);
  envelope(value);
  attestation(value);
}

function envelope(value: unknown): void {
  const read = again(readSealEnvelope(value), readSealEnvelope);
  if (read === null) return;
  const keys = (): Uint8Array => corpusKey;
  const verdict = verifySealEnvelope(read, keys);
  const { shard, context } = sealedEnvelope;
  const same = JSON.stringify([read.shard, read.context]) === JSON.stringify([shard, context]);
  must(verdict.status === "failed" || same, "a tag holds for what was signed and for nothing else");
  must(verifyGroupSeals([read, read], null, keys).status === "failed", "a member counts once");
}

function attestation(value: unknown): void {
  const statement = again(readAttestationStatement(value), readAttestationStatement);
  if (statement !== null) {
    const { leaves_checked, miss_probability_one_leaf } = statement.verification;
    must(Number.isSafeInteger(leaves_checked) && leaves_checked >= 0, "leaves are counted");
    must(miss_probability_one_leaf >= 0 && miss_probability_one_leaf <= 1, "a probability is one");
  }
  const read = again(readAttestation(value), readAttestation);
  if (read === null) return;
  const verdict = verifyDsse(read.envelope, ATTESTATION_TYPE, [
    { key_id: "k", algorithm: "hmac-sha256", key: corpusKey, held: "worker" },
  ]);
  must(verdict.status === "refused" || verdict.signed_by.length > 0, "what is verified was signed by somebody");
  readAttestationStatement(parsed(new TextDecoder().decode(fromBase64(read.envelope.payload) ?? new Uint8Array())));
}

function audit(text: string): void {
  const verdict = verifyAuditText(text);
  if (verdict.status === "broken") {
    must(verdict.line >= 0 && verdict.line <= text.split("\n").length, "a broken line is one of the text");
    return;
  }
  let head = { seq: 0, hash: AUDIT_GENESIS };
  for (const line of text.split("\n").slice(0, -1)) {
    const { seq, prev_hash, hash, ...record } = JSON.parse(line) as Record<string, unknown>;
    must(seq === head.seq + 1 && prev_hash === head.hash, "an intact chain is linked");
    const made = auditLine(record, head);
    head = { seq: head.seq + 1, hash: String(hash) };
    must(made.text !== line || made.head.hash === hash, "a line has the hash of its text");
  }
  must(head.seq === verdict.head.seq && head.hash === verdict.head.hash, "the head is the last line");
}

function modelSigning(text: string): void {
  const read = attempt(() => readModelSigning(text, { trustUnchecked: true }));
  if (read === null) return;
  must(read.signature === "not_checked", "nobody checked the signature");
  for (const [name, digest] of read.files) {
    must(!name.split("/").includes("..") && !name.startsWith("/"), "files lie below the model");
    must(/^[0-9a-f]{64}$/u.test(digest), "digests are SHA-256");
  }
}

function safetensors(bytes: Uint8Array): void {
  const total = bytes.length + 1000;
  const tensors = attempt(() => readSafetensorsHeader(bytes, total)) ?? [];
  let end = 8;
  for (const { offset, bytes: length } of tensors) {
    must(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && length >= 0, "ranges are whole numbers");
    must(offset >= end && offset + length <= total, "tensors lie within the file, one after the other");
    end = offset + length;
  }
}

/** What a reader makes of a value reads again as the same; null where it refuses, with an issue that is short. */
function again<T>(read: Read<T>, reader: (value: unknown) => Read<T>): T | null {
  if (read.status === "invalid") {
    must(read.issues.length > 0, "a refusal has an issue");
    must(formatFieldIssues(read.issues).length < 10_000, "issues do not repeat their input at length");
    return null;
  }
  const written = JSON.stringify(read.value);
  const twice = reader(JSON.parse(written));
  must(twice.status === "ok" && JSON.stringify(twice.value) === written, "what was read reads again as the same");
  return read.value;
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (!isVramResidencyError(error)) throw error;
    must(error.code === "invalid_input" || error.code === "integrity_violation", "refused as what it is");
    must(error.message.length < 10_000, "a refusal does not repeat its input at length");
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
