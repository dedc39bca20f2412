import type { Dialect } from "../dialect.js";
import type { IssueCode } from "../issue.js";
import { WorkloadSchemaError } from "../workload-schema-error.js";
import { findFlaws, isJsonObject } from "./check-spec.js";
import { type Flaw, maxFlaws } from "./flaw.js";
import { FloatToken, floatValue } from "./float-token.js";
import { readJson } from "./read-json.js";

export interface Loaded {
  readonly text: string;
  readonly value: unknown;
  readonly flaws: readonly Flaw[];
}

/** Bytes of UTF-8 in a spec at most. */
const maxBytes = 16 * 1024 * 1024;

/** From a text or its UTF-8 bytes to a checked value, or to what is wrong. */
export function load(source: string | Uint8Array, dialect: Dialect): Loaded {
  checkArguments(source, dialect);
  if (utf8Length(source) > maxBytes) return unreadable("text_too_large", "", 0);
  let text = source;
  if (typeof text !== "string") {
    const decoded = decodeUtf8(text);
    if (decoded.badAt >= 0) return unreadable("invalid_utf8", decoded.text, decoded.badAt);
    text = decoded.text;
  }
  const { value, hasFloats, flaws } = readJson(text, dialect);
  // A syntax error leaves no value to judge; a flawed token does.
  const ended = flaws.some(({ code }) => !tokenFlaws.includes(code));
  const all = ended ? [...flaws] : [...flaws, ...findFlaws(value)];
  if (!ended && all.length >= maxFlaws) all.push({ code: "too_many_issues", path: [], offset: text.length });
  return { text, value: hasFloats && all.length === 0 ? withoutTokens(value) : value, flaws: all };
}

/** For callers without a type checker. */
function checkArguments(source: unknown, dialect: unknown): void {
  if (typeof source !== "string" && !(source instanceof Uint8Array))
    throw new WorkloadSchemaError("invalid_argument", "expected the text of a spec as a string or a Uint8Array");
  if (dialect !== "strict" && dialect !== "python")
    throw new WorkloadSchemaError("invalid_argument", `expected the dialect "strict" or "python"`);
}

const tokenFlaws: readonly string[] = ["duplicate_key", "lone_surrogate", "non_finite_number", "integer_too_long"];

function unreadable(code: IssueCode, text: string, offset: number): Loaded {
  return { text, value: undefined, flaws: [{ code, path: [], offset }] };
}

/** Bytes of UTF-8, counted only as far as it matters: a code unit makes one to three. */
function utf8Length(source: string | Uint8Array): number {
  if (typeof source !== "string") return source.byteLength;
  if (source.length * 3 <= maxBytes || source.length > maxBytes) return source.length;
  return new TextEncoder().encode(source).length;
}

function decodeUtf8(bytes: Uint8Array): { text: string; badAt: number } {
  const decode = (part: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(part);
  const text = decode(bytes);
  const again = new TextEncoder().encode(text);
  const bad = bytes.findIndex((byte, index) => byte !== again[index]);
  return { text, badAt: bad < 0 ? bad : decode(bytes.subarray(0, bad)).length };
}

/** Puts numbers where tokens were; only labels still hold any. */
function withoutTokens(value: unknown): unknown {
  if (value instanceof FloatToken) return floatValue(value);
  if (Array.isArray(value)) return value.map(withoutTokens);
  if (isJsonObject(value)) {
    for (const key of Object.keys(value)) Object.defineProperty(value, key, { value: withoutTokens(value[key]) });
  }
  return value;
}
