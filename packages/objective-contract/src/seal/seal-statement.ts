/** The type of an in-toto Statement v1 (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md). */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";

/** The type of a DSSE payload that is an in-toto statement. */
export const STATEMENT_PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** What the predicate of a seal is: who sealed when, with what. */
export const SEAL_PREDICATE_TYPE = "https://github.com/vrx-dev/vrx/seal/v1";

/** An in-toto statement over files: each with its SHA-256, and who sealed them. */
export interface SealStatement {
  readonly _type: typeof STATEMENT_TYPE;
  /** Relative POSIX paths, sorted, each once. */
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: typeof SEAL_PREDICATE_TYPE;
  readonly predicate: {
    readonly sealed_utc: string;
    /** What sealed it, with its version. */
    readonly tool: string;
    /** The public key that verifies the signature, as PEM (SPKI). That it is here does not mean that it is to be trusted. */
    readonly public_key: string;
  };
}

export type ReadStatement =
  { readonly status: "ok"; readonly statement: SealStatement } | { readonly status: "invalid"; readonly why: string };

/** The statement over these files, by relative POSIX path. */
export function sealStatement(
  sha256: Readonly<Record<string, string>>,
  predicate: SealStatement["predicate"],
): SealStatement {
  const names = Object.keys(sha256).sort();
  return {
    _type: STATEMENT_TYPE,
    subject: names.map((name) => ({ name, digest: { sha256: sha256[name] ?? "" } })),
    predicateType: SEAL_PREDICATE_TYPE,
    predicate,
  };
}

/** Reads a statement from what JSON gave. Other members, which later versions may have, are let be. */
export function readSealStatement(json: unknown): ReadStatement {
  const invalid = (why: string): ReadStatement => ({ status: "invalid", why });
  const statement = objectOf(json);
  if (statement["_type"] !== STATEMENT_TYPE) return invalid(`_type: expected ${STATEMENT_TYPE}`);
  if (statement["predicateType"] !== SEAL_PREDICATE_TYPE)
    return invalid(`predicateType: expected ${SEAL_PREDICATE_TYPE}`);
  const { sealed_utc, tool, public_key } = objectOf(statement["predicate"]);
  if (typeof sealed_utc !== "string" || typeof tool !== "string" || typeof public_key !== "string") {
    return invalid("predicate: expected sealed_utc, tool and public_key as texts");
  }
  if (!Array.isArray(statement["subject"])) return invalid("subject: expected a list");
  const subject: SealStatement["subject"][number][] = [];
  const names = new Set<string>();
  for (const [index, one] of (statement["subject"] as unknown[]).entries()) {
    const { name, digest } = objectOf(one);
    const { sha256 } = objectOf(digest);
    if (typeof name !== "string" || name === "") return invalid(`subject/${index}/name: expected a path`);
    if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
      return invalid(`subject/${index}/digest/sha256: expected 64 hexadecimal digits`);
    }
    if (names.has(name)) return invalid(`subject/${index}/name: ${name} is there twice`);
    names.add(name);
    subject.push({ name, digest: { sha256 } });
  }
  return {
    status: "ok",
    statement: {
      _type: STATEMENT_TYPE,
      subject,
      predicateType: SEAL_PREDICATE_TYPE,
      predicate: { sealed_utc, tool, public_key },
    },
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
