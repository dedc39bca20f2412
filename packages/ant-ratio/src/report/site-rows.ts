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
  "run_options_digest",
  "probe_trial_digest",
  "assoc_trial_digest",
  "verdict",
  "engine",
  "engine_version",
  "device",
  "device_kind",
  "executed_precision",
  "gpu_name",
]);

// A word with a slash, an at sign or a line feed is a path, an address or a message, under whatever key.
const publicText = /^[A-Za-z0-9][A-Za-z0-9 ._:+-]{0,119}$/;
// Gates and guards have names like this; the texts of errors have not.
const reasonCode = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * What of the packets of one sweep may be seen by everyone: numbers, booleans, and the texts that say what was run.
 * Paths, error texts and whatever else is text become null (below `vrx` they are left out), a reason of failure that is
 * no code becomes `other`, and hosts are numbered, so that two of them stay two.
 */
export function publicPackets(packets: readonly JsonObject[]): readonly JsonObject[] {
  const hosts = [...new Set(packets.flatMap((packet) => hostOf(packet) ?? []))].sort();
  return packets.map((packet) => {
    const shown = Object.entries(packet).map(([key, value]) => [key, publicValue(key, value)] as const);
    const { vrx } = packet;
    const host = hostOf(packet);
    const facts =
      vrx === undefined || !isJsonObject(vrx)
        ? {}
        : { vrx: publicFacts(vrx, host === null ? null : `host ${hosts.indexOf(host) + 1}`) };
    return { ...Object.fromEntries(shown), ...facts };
  });
}

function hostOf({ vrx }: JsonObject): string | null {
  const host = vrx !== undefined && isJsonObject(vrx) ? vrx["host"] : null;
  return typeof host === "string" ? host : null;
}

function publicFacts(facts: JsonObject, host: string | null): JsonObject {
  const shown = Object.entries(facts).flatMap(([key, value]) => {
    const seen = key === "host" ? host : publicValue(key, value);
    return seen === null && value !== null ? [] : [[key, seen] as const];
  });
  return Object.fromEntries(shown);
}

function publicValue(key: string, value: JsonValue): JsonValue {
  if (typeof value === "string") return publicTexts.has(key) && publicText.test(value) ? value : null;
  if (value === null || typeof value !== "object") return value;
  if (isJsonObject(value)) return publicFacts(value, null);
  if (key !== "fail_reasons") return value.filter((one) => typeof one === "number" || typeof one === "boolean");
  return value.map((reason) => (typeof reason === "string" && reasonCode.test(reason) ? reason : "other"));
}

// What was run. Everything else in a packet is what came of it.
const identity = [
  "schema_version",
  "ant_tier",
  "ant_ring_len",
  "ant_slot_dim",
  "expert_heads",
  "batch_size",
  "precision",
  "amp",
  "seq_len",
  "token_budget",
  "token_budget_steps",
  "workload_id",
  "git_commit",
] as const;
const identityFacts = [
  "workload_digest",
  "run_options_digest",
  "probe_trial_digest",
  "assoc_trial_digest",
  "engine",
  "engine_version",
  "device",
  "device_kind",
  "simulated",
  "executed_precision",
  "threads",
  "host",
  "gpu_name",
  "probe_seed",
  "memory_budget_bytes",
  "assoc_seed",
  "assoc_keys",
  "assoc_pairs",
  "assoc_values",
  "assoc_unique_keys",
] as const;

/**
 * Everything that tells a row from others, as text: two rows with one key are two measurements of one thing. A packet of
 * another program that says less of what ran is told apart by its probe, or by all it says.
 */
export function rowKey({ run_tag, packet }: SiteRow): string {
  const vrx = packet["vrx"];
  const facts = vrx !== undefined && isJsonObject(vrx) ? vrx : null;
  return canonicalJson({
    run_tag,
    packet: identity.map((key) => packet[key] ?? null),
    facts:
      facts === null
        ? [packet["probe_id"] ?? { ...packet, generated_utc: null }]
        : identityFacts.map((key) => facts[key] ?? null),
  });
}

/**
 * The rows of a site: those that were there, without those of the sweeps that are `replaced`, and the new ones. Of two
 * measurements of one thing the newer stays. The order follows from the rows alone.
 */
export function mergeRows(
  there: readonly SiteRow[],
  added: readonly SiteRow[],
  replaced: readonly string[],
): readonly SiteRow[] {
  const tags = new Set(replaced);
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
  const numbers = ["ant_ring_len", "ant_slot_dim", "expert_heads", "batch_size"].map((key) =>
    compareNumber(a.packet[key], b.packet[key]),
  );
  return compareText(a.run_tag, b.run_tag) || (numbers.find((order) => order !== 0) ?? 0);
}

/** Numbers by size, what is none after them. */
function compareNumber(a: JsonValue | undefined, b: JsonValue | undefined): number {
  if (typeof a !== "number" || typeof b !== "number")
    return Number(typeof b === "number") - Number(typeof a === "number");
  return a - b;
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
