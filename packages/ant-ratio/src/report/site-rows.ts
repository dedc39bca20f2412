import { type JsonObject, type JsonValue, canonicalJson, isJsonObject } from "@vrx/objective-contract";

/** A packet as a site publishes it, with the name of its sweep. */
export interface SiteRow {
  readonly run_tag: string;
  readonly packet: JsonObject;
}

// Texts under these keys say what was run, never where or by whom; whatever else is text stays at home.
const publicTexts: ReadonlySet<string> = new Set([
  "schema_version",
  "generated_utc",
  "ant_tier",
  "precision",
  "workload_id",
  "workload_digest",
  "probe_id",
  "git_commit",
  "kind",
  "engine",
  "engine_version",
  "contract",
]);

// A word with a slash, an at sign or a line feed is a path, an address or a message, under whatever key.
const publicText = /^[A-Za-z0-9][A-Za-z0-9 ._:+-]{0,119}$/;
// Gates and guards have names like this; the texts of errors have not.
const reasonCode = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * What of a packet may be seen by everyone: numbers, booleans, and the texts that say what was run. Paths, host names
 * and error texts become null, a reason of failure that is no code becomes `other`.
 */
export function publicPacket(packet: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(packet).map(([key, value]) => [key, publicValue(key, value)]));
}

function publicValue(key: string, value: JsonValue): JsonValue {
  if (typeof value === "string") return publicTexts.has(key) && publicText.test(value) ? value : null;
  if (Array.isArray(value)) {
    if (key !== "fail_reasons") return value.filter((one) => typeof one === "number" || typeof one === "boolean");
    return value.map((reason) => (typeof reason === "string" && reasonCode.test(reason) ? reason : "other"));
  }
  return isJsonObject(value) ? publicPacket(value) : value;
}

// What a measurement found; everything else tells one configuration from another.
const measured: ReadonlySet<string> = new Set([
  "generated_utc",
  "throughput_tokens_per_s",
  "throughput_samples_per_s",
  "vram_ratio_reserved",
  "peak_vram_reserved_bytes",
  "assoc_byte_disjoint_accuracy",
  "stability_pass",
  "fail_reasons",
  "had_oom",
  "had_nan",
  "had_inf",
]);

/** Everything that tells a row from others, as text: two rows with one key are two measurements of one thing. */
export function rowKey({ run_tag, packet }: SiteRow): string {
  const identity = Object.entries(packet).filter(([key]) => !measured.has(key));
  return canonicalJson({ ...Object.fromEntries(identity), run_tag });
}

/**
 * The rows of a site: those that were there, without those of sweeps that are published now, and the new ones. Of two
 * measurements of one thing the newer stays. The order follows from the rows alone.
 */
export function mergeRows(there: readonly SiteRow[], added: readonly SiteRow[]): readonly SiteRow[] {
  const tags = new Set(added.map(({ run_tag }) => run_tag));
  const rows = new Map<string, SiteRow>();
  for (const row of [...there.filter(({ run_tag }) => !tags.has(run_tag)), ...added]) {
    const key = rowKey(row);
    const other = rows.get(key);
    if (other === undefined || isNewer(row, other)) rows.set(key, row);
  }
  return [...rows]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, row]) => row)
    .sort(inOrder);
}

function isNewer(row: SiteRow, other: SiteRow): boolean {
  const order = compareText(utc(row), utc(other));
  // Without times the order of arguments must not decide what a site says.
  return order === 0 ? compareText(canonicalJson(row.packet), canonicalJson(other.packet)) > 0 : order > 0;
}

function utc({ packet }: SiteRow): string {
  return typeof packet["generated_utc"] === "string" ? packet["generated_utc"] : "";
}

/** By sweep, then by size and heads and batch as numbers; rows that agree keep the order of their keys. */
function inOrder(a: SiteRow, b: SiteRow): number {
  const numbers = ["ant_ring_len", "ant_slot_dim", "expert_heads", "batch_size"].map((key) => {
    const [one, other] = [a.packet[key], b.packet[key]];
    return (typeof one === "number" ? one : Infinity) === (typeof other === "number" ? other : Infinity)
      ? 0
      : (typeof one === "number" ? one : Infinity) - (typeof other === "number" ? other : Infinity);
  });
  return compareText(a.run_tag, b.run_tag) || (numbers.find((order) => order !== 0) ?? 0);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Rows as JSON lines, keys in the order of RFC 8785. */
export function rowsText(rows: readonly SiteRow[]): string {
  return rows.map(({ run_tag, packet }) => `${canonicalJson({ run_tag, packet })}\n`).join("");
}

/** Reads what {@link rowsText} wrote; null with the number of the first line that is something else. */
export function readRows(text: string): { readonly rows: readonly SiteRow[]; readonly bad_line: number | null } {
  const rows: SiteRow[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const row = parsedRow(line);
    if (row === null) return { rows, bad_line: i + 1 };
    rows.push(row);
  }
  return { rows, bad_line: null };
}

function parsedRow(line: string): SiteRow | null {
  try {
    const value = JSON.parse(line) as JsonValue;
    if (!isJsonObject(value)) return null;
    const { run_tag, packet } = value;
    if (typeof run_tag !== "string" || packet === undefined || !isJsonObject(packet)) return null;
    return { run_tag, packet };
  } catch {
    return null;
  }
}
