import { equalBytes, fromBase64, fromHex, sha256Hex } from "./bytes.js";
import {
  ATTESTATION_TYPE,
  type AttestationStatement,
  type HardwareReport,
  TRUST_LEVELS,
  type TrustLevel,
  readAttestation,
  readAttestationStatement,
} from "./attestation.js";
import { type VerificationKey, verifyDsse } from "./dsse.js";
import { formatFieldIssues } from "./field-issue.js";
import { shardFields } from "./sealed-shard.js";
import { VERIFICATION_TIERS, type VerificationTier } from "./verification.js";

export type AttestationRefusal =
  | "malformed"
  | "wrong_payload_type"
  | "unknown_key"
  | "signature_mismatch"
  | "nonce_mismatch"
  | "simulated"
  | "unexpected_subject"
  | "tier_too_low"
  | "assumption"
  | "stale"
  | "hardware_nonce_mismatch"
  | "hardware_report_refused"
  | "level_too_low";

export type AttestationVerdict =
  | {
      readonly status: "verified";
      /** What the evidence carries, whatever the statement claims. */
      readonly level: TrustLevel;
      readonly statement: AttestationStatement;
      readonly signed_by: readonly string[];
      /** What would have to be there for the next level. */
      readonly notes: readonly string[];
    }
  | { readonly status: "refused"; readonly reason: AttestationRefusal; readonly message: string };

export interface VerifyAttestationOptions {
  /** The 32 bytes that were asked with, as 64 hexadecimal digits. */
  readonly nonce: string;
  readonly keys: readonly VerificationKey[];
  /** The least level that is accepted; L0 unless given. */
  readonly minLevel?: TrustLevel;
  /** The weakest verification that is accepted; `tree` unless given. */
  readonly minTier?: VerificationTier;
  /** Accept that the worker took for granted that nobody had written since an earlier verification. */
  readonly allowAssumption?: boolean;
  /** Accept one made on a stand-in for hardware. For tests. */
  readonly allowSimulated?: boolean;
  /** What the attestation must be about; what is left out is not compared. */
  readonly expected?: {
    readonly shard_id?: string;
    readonly digest?: string;
    readonly tree_digest?: string;
    readonly gpu_uuid?: string;
  };
  /** Refuse statements older than so many seconds, and ones from more than 60 s in the future. */
  readonly maxAge_s?: number;
  /** The time to compare with, in milliseconds since 1970; the clock's unless given. */
  readonly now_ms?: number;
  /**
   * Checks the vendor's signature on the hardware's report (for NVIDIA: nvattest, or its remote service). Without it a
   * report is looked at but counts for nothing.
   */
  readonly verifyHardwareReport?: (report: HardwareReport, nonce: Uint8Array) => Promise<boolean> | boolean;
}

const CLOCK_SKEW_S = 60;

// An SPDM GET_MEASUREMENTS request opens NVIDIA's report: four bytes of header, then the requester's nonce (DSP0274 1.1, 10.11).
const SPDM_NONCE_AT = 4;
const NONCE_BYTES = 32;

/**
 * Verifies an attestation without a GPU: signatures, the caller's nonce, how the bytes were verified, and the level that
 * the evidence carries. Every refusal has one reason. It shows what was so when the statement was made, not what is now.
 */
export async function verifyAttestation(
  attestation: unknown,
  options: VerifyAttestationOptions,
): Promise<AttestationVerdict> {
  const outer = readAttestation(attestation);
  if (outer.status === "invalid") return refuse("malformed", formatFieldIssues(outer.issues));
  const { envelope, hardware_report } = outer.value;
  const signed = verifyDsse(envelope, ATTESTATION_TYPE, options.keys);
  if (signed.status === "refused") return signed;
  const inner = readAttestationStatement(parseJson(signed.payload));
  if (inner.status === "invalid") return refuse("malformed", formatFieldIssues(inner.issues));
  const statement = inner.value;
  const against = refusal(statement, options);
  if (against !== null) return against;

  const notes: string[] = [];
  let level: TrustLevel = "L0";
  if (signed.signed_by.some(({ held }) => held === "external")) level = "L1";
  else notes.push("L1 needs a signature by a key that the worker does not hold");
  if (hardware_report === null) notes.push("L2 needs a report of the hardware");
  else {
    const nonce = fromHex(sha256Hex(signed.payload)) ?? new Uint8Array();
    const report = fromBase64(hardware_report.report) ?? new Uint8Array();
    if (!equalBytes(report.subarray(SPDM_NONCE_AT, SPDM_NONCE_AT + NONCE_BYTES), nonce)) {
      return refuse("hardware_nonce_mismatch", "the hardware's report was not requested for this statement");
    }
    if (options.verifyHardwareReport === undefined)
      notes.push("L2 needs someone who checks the vendor's signature: verifyHardwareReport");
    else if (!(await options.verifyHardwareReport(hardware_report, nonce))) {
      return refuse("hardware_report_refused", "the vendor's signature on the hardware's report does not hold");
    } else level = "L2";
  }
  const { minLevel = "L0" } = options;
  if (TRUST_LEVELS.indexOf(level) < TRUST_LEVELS.indexOf(minLevel)) {
    return refuse("level_too_low", `expected ${minLevel}, and the evidence carries ${level}: ${notes.join("; ")}`);
  }
  return { status: "verified", level, statement, signed_by: signed.signed_by.map(({ key_id }) => key_id), notes };
}

function refusal(statement: AttestationStatement, options: VerifyAttestationOptions): AttestationVerdict | null {
  if (statement.nonce !== options.nonce.toLowerCase()) {
    return refuse(
      "nonce_mismatch",
      "the statement answers another question: its nonce is not the one that was asked with",
    );
  }
  if (statement.simulated && options.allowSimulated !== true) {
    return refuse("simulated", "the statement was made on a stand-in for hardware, which proves nothing");
  }
  const { expected = {}, minTier = "tree", maxAge_s } = options;
  const subject = { ...shardFields(statement.shard), ...statement.seal };
  for (const key of ["shard_id", "digest", "tree_digest", "gpu_uuid"] as const) {
    const wanted = expected[key];
    if (wanted !== undefined && wanted !== subject[key]) {
      return refuse("unexpected_subject", `expected ${key} ${wanted.slice(0, 80)}, found ${subject[key]}`);
    }
  }
  const { tier, assumption } = statement.verification;
  if (assumption !== "none" && options.allowAssumption !== true) {
    return refuse("assumption", `the worker hashed nothing again and took for granted: ${assumption}`);
  }
  if (VERIFICATION_TIERS.indexOf(tier) < VERIFICATION_TIERS.indexOf(minTier)) {
    return refuse("tier_too_low", `expected a verification of tier ${minTier} or more, found ${tier}`);
  }
  if (maxAge_s === undefined) return null;
  if (statement.issued_at === null) return refuse("stale", "the statement does not say when it was made");
  const age_s = ((options.now_ms ?? Date.now()) - Date.parse(statement.issued_at)) / 1000;
  if (age_s > maxAge_s) return refuse("stale", `the statement is ${Math.round(age_s)} s old, more than ${maxAge_s} s`);
  if (age_s < -CLOCK_SKEW_S) return refuse("stale", `the statement is from ${Math.round(-age_s)} s in the future`);
  return null;
}

function refuse(reason: AttestationRefusal, message: string): AttestationVerdict {
  return { status: "refused", reason, message };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
