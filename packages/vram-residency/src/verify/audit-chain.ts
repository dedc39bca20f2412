import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256Hex } from "./bytes.js";
import { isDigest } from "./sealed-shard.js";

/** What the first line of a chain follows: 64 zeros. */
export const AUDIT_GENESIS = "0".repeat(64);

/** A place in a chain: how many lines there are up to it, and the hash of the last. Kept elsewhere, it shows a cut tail. */
export interface AuditAnchor {
  readonly seq: number;
  readonly hash: string;
}

export type AuditProblem =
  | "not_json"
  | "no_hash"
  | "hash_mismatch"
  | "wrong_previous"
  | "wrong_sequence"
  | "torn_line"
  | "anchor_missing"
  | "anchor_mismatch";

export type AuditVerdict =
  | { readonly status: "intact"; readonly lines: number; readonly head: AuditAnchor }
  | { readonly status: "broken"; readonly line: number; readonly problem: AuditProblem; readonly message: string };

/** The members that carry the chain, in this order at the end of a line: `"prev_hash":"…","hash":"…"}`. */
const TAIL = /,"prev_hash":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/u;

/**
 * One line of the chain: the record with `seq`, the hash of the line before, and its own, which is the SHA-256 of the
 * line's text up to (and without) the member `hash`. No canonical form is needed: the text itself is what is hashed.
 * `sha256` gives 64 hexadecimal digits; whoever has a faster one than this package's pure one passes it.
 */
export function auditLine(
  record: Readonly<Record<string, unknown>>,
  previous: AuditAnchor,
  sha256: (text: string) => string = (text) => sha256Hex(utf8ToBytes(text)),
): { readonly text: string; readonly head: AuditAnchor } {
  const seq = previous.seq + 1;
  const open = JSON.stringify({ seq, ...record, prev_hash: previous.hash }).slice(0, -1);
  const hash = sha256(open);
  return { text: `${open},"hash":"${hash}"}`, head: { seq, hash } };
}

/**
 * Verifies a chain from its first line: every hash, every link, the count, and, where an anchor is given, that the chain
 * reaches it. Without an anchor nobody can tell that whole lines are missing at the end. A chain may go on through several
 * files, read one after the other.
 */
export function verifyAudit(
  lines: Iterable<string>,
  options: { readonly anchor?: AuditAnchor; readonly from?: AuditAnchor } = {},
): AuditVerdict {
  const { anchor } = options;
  let head: AuditAnchor = options.from ?? { seq: 0, hash: AUDIT_GENESIS };
  let count = 0;
  let reached = anchor === undefined || (anchor.seq === head.seq && anchor.hash === head.hash);
  for (const text of lines) {
    count++;
    const broken = (problem: AuditProblem, message: string): AuditVerdict => ({
      status: "broken",
      line: count,
      problem,
      message,
    });
    const tail = TAIL.exec(text);
    const [whole, prev_hash, hash] = tail ?? [];
    if (whole === undefined || prev_hash === undefined || hash === undefined) {
      return broken(parsed(text) === null ? "not_json" : "no_hash", "the line does not end with prev_hash and hash");
    }
    const record = parsed(text);
    if (record === null) return broken("not_json", "the line is not a JSON object");
    const open = text.slice(0, text.lastIndexOf(',"hash":"'));
    if (sha256Hex(utf8ToBytes(open)) !== hash)
      return broken("hash_mismatch", "the line was changed after it was written");
    if (prev_hash !== head.hash)
      return broken(
        "wrong_previous",
        "the line does not follow the one before: lines were removed, added or reordered",
      );
    if (record["seq"] !== head.seq + 1)
      return broken("wrong_sequence", `expected line ${head.seq + 1} of the chain, found ${String(record["seq"])}`);
    head = { seq: head.seq + 1, hash };
    if (anchor?.seq !== head.seq) continue;
    if (anchor.hash !== head.hash)
      return broken("anchor_mismatch", `line ${head.seq} is not the one that was anchored: the chain was written anew`);
    reached = true;
  }
  if (!reached) {
    const message = `the anchor is line ${anchor?.seq ?? 0} and the chain ends at ${head.seq}: its end was cut off`;
    return { status: "broken", line: count, problem: "anchor_missing", message };
  }
  return { status: "intact", lines: count, head };
}

/** The same for a file's text. A last line without a newline was torn by a crash, and is said to be. */
export function verifyAuditText(
  text: string,
  options: { readonly anchor?: AuditAnchor; readonly from?: AuditAnchor } = {},
): AuditVerdict {
  const lines = text.split("\n");
  const rest = lines.pop() ?? "";
  const verdict = verifyAudit(lines, options);
  if (verdict.status === "broken" || rest === "") return verdict;
  return {
    status: "broken",
    line: lines.length + 1,
    problem: "torn_line",
    message: "the last line is not complete: the writer was cut off",
  };
}

/** Whether a value is an anchor as `AuditAnchor` has it. */
export function isAuditAnchor(value: unknown): value is AuditAnchor {
  if (typeof value !== "object" || value === null) return false;
  const { seq, hash } = value as Partial<Record<keyof AuditAnchor, unknown>>;
  return Number.isSafeInteger(seq) && (seq as number) >= 0 && typeof hash === "string" && isDigest(hash);
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
