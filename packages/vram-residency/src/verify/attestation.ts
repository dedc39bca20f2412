import { type DsseEnvelope, readDsseEnvelope } from "./dsse.js";
import { fromBase64 } from "./bytes.js";
import { FieldReader, type Read } from "./field-issue.js";
import type { SealContext } from "./seal-message.js";
import { type SealedShard, isDigest, readSealedShard } from "./sealed-shard.js";
import { VERIFICATION_TIERS, type VerificationEvidence } from "./verification.js";

/** The media type of the signed statement. */
export const ATTESTATION_TYPE = "application/vnd.vrx.residency-attestation.v1+json";

/**
 * What an attestation rests on. L0: the worker says so itself. L1: signed with a key that the worker does not hold.
 * L2: with a report of the hardware that is bound to this statement.
 */
export const TRUST_LEVELS = ["L0", "L1", "L2"] as const;

export type TrustLevel = (typeof TRUST_LEVELS)[number];

/** One check of the VRAM-only policy, as it came out when the statement was made. */
export interface PolicyEvidence {
  readonly proven: readonly string[];
  /** What this platform cannot show, each with why. */
  readonly not_provable: readonly { readonly check: string; readonly why: string }[];
}

/** What is signed. Figures that nobody could read are null. */
export interface AttestationStatement {
  readonly schema: "vrx_residency_attestation_v1";
  /** The caller's 32 bytes, as 64 hexadecimal digits: the statement answers this question and no earlier one. */
  readonly nonce: string;
  readonly issued_at: string | null;
  readonly worker_id: string;
  /** Whether the GPU is a stand-in for hardware. */
  readonly simulated: boolean;
  readonly claimed_level: TrustLevel;
  readonly shard: SealedShard;
  readonly seal: SealContext;
  readonly verification: VerificationEvidence;
  readonly policy: PolicyEvidence;
  readonly device: {
    readonly uuid: string;
    readonly name: string;
    readonly compute_capability: string;
    readonly total_bytes: number;
  };
  readonly driver: {
    readonly version: string | null;
    /** The file that was really loaded, by name and SHA-256. */
    readonly library: string | null;
    readonly library_sha256: string | null;
  };
  readonly ecc: { readonly enabled: boolean | null; readonly uncorrected_volatile: number | null };
  /** The state of confidential computing as the driver has it: `on`, `off`, or null where nobody can say. */
  readonly confidential_computing: string | null;
}

/** An attestation as it travels: the signed statement, and beside it what the hardware signed over the statement's digest. */
export interface Attestation {
  readonly envelope: DsseEnvelope;
  readonly hardware_report: HardwareReport | null;
}

/** A report of the GPU's own key, requested with nonce = SHA-256 of the statement's bytes. Base64. */
export interface HardwareReport {
  readonly kind: "nvidia_gpu";
  readonly report: string;
  readonly certificate_chain: string | null;
}

/** Reads an attestation from JSON strictly; the statement inside is read once its signature fits. */
export function readAttestation(value: unknown): Read<Attestation> {
  const fields = new FieldReader(value, ["envelope", "hardware_report"]);
  const envelope = readDsseEnvelope(fields.raw("envelope"), "/envelope");
  if (envelope.status === "invalid") fields.issues.push(...envelope.issues);
  const hardware_report = fields.nullable("hardware_report", () => {
    const report = new FieldReader(
      fields.raw("hardware_report"),
      ["kind", "report", "certificate_chain"],
      "/hardware_report",
      fields.issues,
    );
    report.text("kind", "nvidia_gpu", (text) => text === "nvidia_gpu");
    const base64 = (key: string): string => report.text(key, "base64", (text) => fromBase64(text) !== null);
    return {
      kind: "nvidia_gpu" as const,
      report: base64("report"),
      certificate_chain: report.nullable("certificate_chain", () => base64("certificate_chain")),
    };
  });
  return fields.result(() => {
    if (envelope.status === "invalid") throw new Error("issues were lost");
    return { envelope: envelope.value, hardware_report };
  });
}

const STATEMENT_MEMBERS = [
  "schema",
  "nonce",
  "issued_at",
  "worker_id",
  "simulated",
  "claimed_level",
  "shard",
  "seal",
  "verification",
  "policy",
  "device",
  "driver",
  "ecc",
  "confidential_computing",
];

/** Reads a statement from JSON strictly, all problems at once. */
export function readAttestationStatement(value: unknown): Read<AttestationStatement> {
  const fields = new FieldReader(value, STATEMENT_MEMBERS);
  const { issues } = fields;
  fields.text("schema", "vrx_residency_attestation_v1", (text) => text === "vrx_residency_attestation_v1");
  const shard = readSealedShard(fields.raw("shard"), "/shard");
  if (shard.status === "invalid") issues.push(...shard.issues);

  const seal = new FieldReader(
    fields.raw("seal"),
    ["model_ref", "gpu_uuid", "boot_nonce", "tree_digest"],
    "/seal",
    issues,
  );
  const check = new FieldReader(
    fields.raw("verification"),
    ["tier", "assumption", "began_at", "ended_at", "leaves_checked", "leaves_total", "miss_probability_one_leaf"],
    "/verification",
    issues,
  );
  const policy = new FieldReader(fields.raw("policy"), ["proven", "not_provable"], "/policy", issues);
  const device = new FieldReader(
    fields.raw("device"),
    ["uuid", "name", "compute_capability", "total_bytes"],
    "/device",
    issues,
  );
  const driver = new FieldReader(fields.raw("driver"), ["version", "library", "library_sha256"], "/driver", issues);
  const ecc = new FieldReader(fields.raw("ecc"), ["enabled", "uncorrected_volatile"], "/ecc", issues);

  const digest = (reader: FieldReader, key: string): string =>
    reader.text(key, "64 lowercase hexadecimal digits", isDigest);
  const label = (reader: FieldReader, key: string): string =>
    reader.text(key, "a text of at most 1024 characters", (text) => text.length <= 1024);
  const oneOf = <T extends string>(reader: FieldReader, key: string, words: readonly [T, ...T[]]): T => {
    const word = reader.text(key, words.join(" or "), (text) => (words as readonly string[]).includes(text));
    return words.find((known) => known === word) ?? words[0];
  };
  const nullableLabel = (reader: FieldReader, key: string): string | null =>
    reader.nullable(key, () => label(reader, key));
  const time = (reader: FieldReader, key: string): string | null =>
    reader.nullable(key, () => reader.text(key, "an RFC 3339 time", (text) => !Number.isNaN(Date.parse(text))));
  const most = Number.MAX_SAFE_INTEGER;

  const statement: Omit<AttestationStatement, "shard"> = {
    schema: "vrx_residency_attestation_v1",
    nonce: digest(fields, "nonce"),
    issued_at: time(fields, "issued_at"),
    worker_id: label(fields, "worker_id"),
    simulated: fields.flag("simulated"),
    claimed_level: oneOf(fields, "claimed_level", TRUST_LEVELS),
    seal: {
      model_ref: nullableLabel(seal, "model_ref"),
      gpu_uuid: label(seal, "gpu_uuid"),
      boot_nonce: digest(seal, "boot_nonce"),
      tree_digest: digest(seal, "tree_digest"),
    },
    verification: {
      tier: oneOf(check, "tier", VERIFICATION_TIERS),
      assumption: oneOf(check, "assumption", ["none", "writes_ruled_out"] as const),
      began_at: time(check, "began_at"),
      ended_at: time(check, "ended_at"),
      leaves_checked: check.count("leaves_checked", 0, most),
      leaves_total: check.count("leaves_total", 1, most),
      miss_probability_one_leaf: probability(check, "miss_probability_one_leaf"),
    },
    policy: {
      proven: list(policy, "proven", (item, pointer) => {
        if (typeof item === "string" && item.length <= 256) return item;
        issues.push({ pointer, expected: "the name of a check", found: typeof item });
        return "";
      }),
      not_provable: list(policy, "not_provable", (item, pointer) => {
        const entry = new FieldReader(item, ["check", "why"], pointer, issues);
        return { check: label(entry, "check"), why: label(entry, "why") };
      }),
    },
    device: {
      uuid: label(device, "uuid"),
      name: label(device, "name"),
      compute_capability: label(device, "compute_capability"),
      total_bytes: device.count("total_bytes", 0, most),
    },
    driver: {
      version: nullableLabel(driver, "version"),
      library: nullableLabel(driver, "library"),
      library_sha256: driver.nullable("library_sha256", () => digest(driver, "library_sha256")),
    },
    ecc: {
      enabled: ecc.nullable("enabled", () => ecc.flag("enabled")),
      uncorrected_volatile: ecc.nullable("uncorrected_volatile", () => ecc.count("uncorrected_volatile", 0, most)),
    },
    confidential_computing: nullableLabel(fields, "confidential_computing"),
  };
  return fields.result(() => {
    if (shard.status === "invalid") throw new Error("issues were lost");
    return { ...statement, shard: shard.value };
  });
}

function probability(reader: FieldReader, key: string): number {
  const value = reader.raw(key);
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  reader.issues.push({ pointer: reader.at(key), expected: "a number from 0 to 1", found: typeof value });
  return 1;
}

const MAX_ITEMS = 256;

function list<T>(reader: FieldReader, key: string, read: (item: unknown, pointer: string) => T): readonly T[] {
  const value = reader.raw(key);
  if (Array.isArray(value) && value.length <= MAX_ITEMS) {
    return value.map((item: unknown, index) => read(item, `${reader.at(key)}/${index}`));
  }
  reader.issues.push({ pointer: reader.at(key), expected: `a list of at most ${MAX_ITEMS}`, found: typeof value });
  return [];
}
