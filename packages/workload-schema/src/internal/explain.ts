import type { Dialect } from "../dialect.js";
import type { Issue } from "../issue.js";
import { allowedKeys, schemaVersion } from "../knobs.js";
import { quote } from "./describe.js";
import type { Flaw } from "./flaw.js";
import { pointerOf } from "./pointer.js";
import { readJson } from "./read-json.js";
import { ruleAt, schemaIssue } from "./schema-issue.js";
import { meantInteger, nearest } from "./suggest.js";

/** Puts flaws into words, with their places where there is a text, in its order. */
export function explain(flaws: readonly Flaw[], text?: string, dialect?: Dialect): readonly Issue[] {
  if (text === undefined || dialect === undefined) return flaws.map((flaw) => issueOf(flaw, ""));
  const offsetOf = placesIn(text, dialect, flaws);
  const placed = flaws
    .map((flaw) => ({ flaw, offset: flaw.offset ?? offsetOf(flaw) }))
    .sort((a, b) => a.offset - b.offset);
  let line = 1;
  let lineStart = 0;
  return placed.map(({ flaw, offset }) => {
    for (let end = text.indexOf("\n", lineStart); end >= 0 && end < offset; end = text.indexOf("\n", lineStart)) {
      line++;
      lineStart = end + 1;
    }
    return { ...issueOf(flaw, text.slice(offset, offset + 80)), line, column: offset - lineStart + 1, offset };
  });
}

/** Where each flaw of the schema is: its value, its key if that is unknown, the object around it if it is missing. */
function placesIn(text: string, dialect: Dialect, flaws: readonly Flaw[]): (flaw: Flaw) => number {
  const start = text.search(/[^ \t\r\n]/);
  const wanted = new Map(flaws.map((flaw) => [placeOf(flaw), { key: start, value: start }]));
  // Only specs that could be read as JSON have flaws without a place.
  if (flaws.some(({ offset }) => offset === undefined)) {
    readJson(text, dialect, (path, key, value) => {
      const pointer = pointerOf(path);
      if (wanted.has(pointer)) wanted.set(pointer, { key, value });
    });
  }
  return (flaw) => wanted.get(placeOf(flaw))?.[flaw.code === "unknown_key" ? "key" : "value"] ?? start;
}

function placeOf({ code, path }: Flaw): string {
  return pointerOf(code === "missing_key" ? path.slice(0, -1) : path);
}

function issueOf(flaw: Flaw, source: string): Issue {
  return withSuggestion(schemaIssue({ ...flaw, ...tokenWords(flaw, source) }), suggestionFor(flaw));
}

export function withSuggestion(issue: Issue, suggestion: string | undefined): Issue {
  if (suggestion === undefined) return issue;
  return { ...issue, message: `${issue.message}; did you mean ${suggestion}?`, suggestion };
}

/** What texts are expected to be, where a flaw is in the text and not in the spec. */
function tokenWords({ code, path, expected = "" }: Flaw, source: string): { expected?: string; found?: string } {
  switch (code) {
    case "text_too_large":
      return { expected: "at most 16 MiB of UTF-8", found: "a longer text" };
    case "invalid_utf8":
      return { expected: "UTF-8", found: "bytes that are not UTF-8" };
    case "byte_order_mark":
      return { expected: "a text without a byte order mark", found: "U+FEFF at its start" };
    case "nesting_too_deep":
      return { expected, found: "one more" };
    case "syntax_error":
      return { expected, found: source === "" ? "the end of the text" : quote(firstToken(source)) };
    case "too_many_issues":
      return { expected: "fewer issues", found: "so many that reading stopped here" };
    case "duplicate_key":
      return { expected: "each key once in an object", found: `${quote(String(path.at(-1)))} again` };
    case "lone_surrogate":
      return { expected: "well-formed Unicode", found: "half of a surrogate pair" };
    case "non_finite_number":
      return { expected: "a finite number", found: firstToken(source) };
    case "integer_too_long":
      return { expected: "an integer of at most 4300 digits", found: "a longer one" };
    default:
      return {};
  }
}

function firstToken(source: string): string {
  return /^[\w.+-]+/.exec(source)?.[0] ?? String.fromCodePoint(source.codePointAt(0) ?? 0);
}

/** What was probably meant, if that is clear. */
export function suggestionFor({ code, path, value }: Flaw): string | undefined {
  const rule = ruleAt(path);
  if (code === "unknown_key") return nearest(String(path.at(-1)), allowedKeys(path.at(-2)));
  if (code === "wrong_schema_version") return schemaVersion;
  if (code === "not_an_integer" && typeof rule === "number") return meantInteger(value, rule);
  if (typeof rule === "object" && typeof value === "string") return nearest(value, rule);
  return undefined;
}
