import { type JsonObject, type JsonValue, isJsonObject } from "@vrx/objective-contract";
import { readJsonText } from "./internal/json-text.js";
import { type AntRatioPacket, PACKET_SCHEMA_VERSION } from "./packet.js";

/** One thing that is wrong with a packet: where in the text, and where in the document. */
export interface PacketReadIssue {
  readonly code:
    "too_long" | "invalid_utf8" | "syntax_error" | "not_an_object" | "missing_key" | "unknown_key" | "wrong_value";
  /** RFC 6901. */
  readonly pointer: string;
  readonly expected: string;
  readonly found: string;
  readonly message: string;
  /** The key that was probably meant. */
  readonly suggestion?: string;
  /** From 1: the line of the text, and the column where that is known. */
  readonly line: number;
  readonly column: number | null;
}

export type PacketRead =
  | { readonly status: "ok"; readonly packet: AntRatioPacket; readonly line: number }
  | { readonly status: "invalid"; readonly issues: readonly PacketReadIssue[]; readonly line: number };

type Kind = "text" | "text?" | "count?" | "positive?" | "number?" | "share?" | "flag" | "flag?" | "texts?" | "facts?";

const KINDS: Readonly<Record<Exclude<keyof AntRatioPacket, "schema_version">, Kind>> = {
  generated_utc: "text",
  git_commit: "text?",
  probe_run_root: "text?",
  assoc_run_root: "text?",
  ant_tier: "text?",
  ant_ring_len: "positive?",
  ant_slot_dim: "positive?",
  ant_body_cells: "positive?",
  ant_body_scale_vs_small: "number?",
  expert_heads: "positive?",
  batch_size: "positive?",
  precision: "text?",
  amp: "count?",
  seq_len: "positive?",
  vram_ratio_reserved: "number?",
  peak_vram_reserved_bytes: "count?",
  total_vram_bytes: "count?",
  throughput_tokens_per_s: "number?",
  throughput_samples_per_s: "number?",
  assoc_byte_disjoint_accuracy: "share?",
  assoc_eval_disjoint: "flag?",
  assoc_eval_n: "count?",
  token_budget: "count?",
  token_budget_tokens_per_step: "count?",
  token_budget_steps: "count?",
  stability_pass: "flag",
  fail_reasons: "texts?",
  had_oom: "flag?",
  had_nan: "flag?",
  had_inf: "flag?",
  workload_id: "text?",
  probe_id: "text?",
  vrx: "facts?",
};

const KIND_ENTRIES = Object.entries(KINDS);

/** Keys that the seed document requires; the others of v0 may be absent and are then null. */
const REQUIRED: ReadonlySet<string> = new Set([
  "schema_version",
  "ant_tier",
  "ant_ring_len",
  "ant_slot_dim",
  "expert_heads",
  "batch_size",
  "precision",
  "amp",
  "seq_len",
  "vram_ratio_reserved",
  "throughput_tokens_per_s",
  "assoc_byte_disjoint_accuracy",
  "assoc_eval_disjoint",
  "stability_pass",
  "fail_reasons",
  "had_oom",
  "had_nan",
  "had_inf",
  "probe_run_root",
  "assoc_run_root",
  "git_commit",
  "generated_utc",
]);

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: "a text",
  "text?": "a text or null",
  "count?": "a whole number of at least 0, or null",
  "positive?": "a whole number of at least 1, or null",
  "number?": "a number of at least 0, or null",
  "share?": "a number from 0 to 1, or null",
  flag: "true or false",
  "flag?": "true, false or null",
  "texts?": "a list of texts, or null",
  "facts?": "an object of texts, numbers, flags and nulls",
};

function isOf(kind: Kind, value: JsonValue): boolean {
  if (value === null) return kind.endsWith("?") && kind !== "facts?";
  switch (kind) {
    case "text":
    case "text?":
      return typeof value === "string";
    case "count?":
      return Number.isSafeInteger(value) && Number(value) >= 0;
    case "positive?":
      return Number.isSafeInteger(value) && Number(value) >= 1;
    case "number?":
      return typeof value === "number" && value >= 0;
    case "share?":
      return typeof value === "number" && value >= 0 && value <= 1;
    case "flag":
    case "flag?":
      return typeof value === "boolean";
    case "texts?":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "facts?":
      return isJsonObject(value) && Object.values(value).every((fact) => typeof fact !== "object" || fact === null);
  }
}

function nearest(key: string): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const meant = plain(key);
  // Shorter ones are part of too many names.
  if (meant.length < 4) return undefined;
  return Object.keys(KINDS).find((known) => plain(known) === meant || plain(known).includes(meant));
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function isPacket(_json: JsonObject, issues: readonly PacketReadIssue[]): _json is JsonObject & AntRatioPacket {
  return issues.length === 0;
}

/** Reads one packet from a text strictly: all problems at once. `line` is where the text begins, from 1. */
export function readPacket(text: string, line = 1): PacketRead {
  const plain = plainJson(text);
  if (plain !== undefined) return checkPacket(plain, line);
  const read = readJsonText(text);
  if (read.status === "invalid") {
    const { message, column } = read.issue;
    const at = line + read.issue.line - 1;
    const issue: PacketReadIssue = {
      code: "syntax_error",
      pointer: "",
      expected: "JSON",
      found: "",
      message,
      line: at,
      column,
    };
    return { status: "invalid", issues: [issue], line };
  }
  return checkPacket(read.json, line);
}

/**
 * The document of a text that is written as JSON.stringify writes it, as vrx does: if that gives the same text again,
 * nothing was lost on the way, no key came twice, and the fast reader of the engine was enough. Undefined otherwise.
 */
function plainJson(text: string): JsonValue | undefined {
  try {
    const json = JSON.parse(text) as JsonValue;
    return JSON.stringify(json) === text ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Checks that a document is a packet; keys of v0 that may be absent are null afterwards. */
export function checkPacket(json: JsonValue, line = 1): PacketRead {
  const issues: PacketReadIssue[] = [];
  const add = (
    code: PacketReadIssue["code"],
    key: string | null,
    expected: string,
    found: string,
    suggestion?: string,
  ): void => {
    const pointer = key === null ? "" : `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
    const message = `${pointer === "" ? "the packet" : pointer}: expected ${expected}, found ${found}${hint}`;
    issues.push({
      code,
      pointer,
      expected,
      found,
      message,
      line,
      column: null,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  };
  if (!isJsonObject(json)) {
    add("not_an_object", null, "an object", shown(json));
    return { status: "invalid", issues, line };
  }
  if (json["schema_version"] !== PACKET_SCHEMA_VERSION) {
    add("wrong_value", "schema_version", `"${PACKET_SCHEMA_VERSION}"`, shown(json["schema_version"]));
  }
  const packet: Record<string, JsonValue> = { schema_version: PACKET_SCHEMA_VERSION };
  for (const [key, kind] of KIND_ENTRIES) {
    const value = Object.hasOwn(json, key) ? json[key] : undefined;
    if (value === undefined) {
      if (REQUIRED.has(key)) add("missing_key", key, EXPECTED[kind], "nothing");
      else if (key !== "vrx") packet[key] = null;
    } else if (isOf(kind, value)) packet[key] = value;
    else add("wrong_value", key, EXPECTED[kind], shown(value));
  }
  for (const key of Object.keys(json)) {
    if (key === "schema_version" || Object.hasOwn(KINDS, key)) continue;
    // The reference's sweep adds keys of its own to its packets; they are kept by nobody and refused by nobody.
    if (key.startsWith("cap_")) continue;
    add("unknown_key", key, "a key of ant_ratio_packet_v0", `the key ${JSON.stringify(key)}`, nearest(key));
  }
  return isPacket(packet, issues) ? { status: "ok", packet, line } : { status: "invalid", issues, line };
}

/** Longer lines are not read: no packet is that long. */
export const MAX_PACKET_BYTES = 1_048_576;

/**
 * Reads packets from JSON lines, one result per line that is not blank, whatever the pieces the bytes come in. Memory
 * stays flat: at most one line is held, and a line beyond {@link MAX_PACKET_BYTES} is reported without being kept.
 *
 * @example
 * for await (const read of readPackets(createReadStream("packets.jsonl"))) {
 *   if (read.status === "ok") console.log(read.packet.ant_tier);
 * }
 */
export async function* readPackets(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<PacketRead, void, undefined> {
  let pieces: Uint8Array[] = [];
  let held = 0;
  let line = 1;
  const finish = (): PacketRead | null => {
    const read = held > MAX_PACKET_BYTES ? tooLong(line) : decode(pieces, held, line);
    pieces = [];
    held = 0;
    line++;
    return read;
  };
  const hold = (piece: Uint8Array): void => {
    held += piece.length;
    if (held <= MAX_PACKET_BYTES && piece.length > 0) pieces.push(piece);
    else if (held > MAX_PACKET_BYTES) pieces = [];
  };
  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      hold(chunk.subarray(from, end));
      from = end + 1;
      const read = finish();
      if (read !== null) yield read;
    }
    // A copy, since the source may use its buffer again.
    hold(chunk.slice(from));
  }
  const read = finish();
  if (read !== null) yield read;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(pieces: readonly Uint8Array[], length: number, line: number): PacketRead | null {
  let bytes = pieces[0] ?? new Uint8Array();
  if (pieces.length > 1) {
    bytes = new Uint8Array(length);
    let offset = 0;
    for (const piece of pieces) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return unreadable("invalid_utf8", line, "UTF-8", "bytes that are not");
  }
  return text.trim() === "" ? null : readPacket(text, line);
}

function tooLong(line: number): PacketRead {
  return unreadable("too_long", line, `at most ${MAX_PACKET_BYTES} bytes on a line`, "more");
}

function unreadable(code: "too_long" | "invalid_utf8", line: number, expected: string, found: string): PacketRead {
  const message = `line ${line}: expected ${expected}, found ${found}`;
  return { status: "invalid", line, issues: [{ code, pointer: "", expected, found, message, line, column: null }] };
}
