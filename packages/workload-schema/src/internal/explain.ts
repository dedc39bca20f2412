import type { Dialect } from "../dialect.js";
import type { Issue } from "../issue.js";
import { knobRules, schemaVersion } from "../knobs.js";
import { describe, quote } from "./describe.js";
import type { Flaw } from "./flaw.js";
import { pointerOf } from "./pointer.js";
import { readJson } from "./read-json.js";
import { meantInteger, nearest } from "./suggest.js";

/** Puts flaws into words, with their places where there is a text, in its order. */
export function explain(flaws: readonly Flaw[], text?: string, dialect?: Dialect): readonly Issue[] {
  if (text === undefined || dialect === undefined) return flaws.map((flaw) => issueOf(flaw, ""));
  const offsetOf = placesIn(text, dialect);
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
function placesIn(text: string, dialect: Dialect): (flaw: Flaw) => number {
  let places: Map<string, { key: number; value: number }> | undefined;
  return ({ code, path }) => {
    if (places === undefined) {
      const found = new Map<string, { key: number; value: number }>();
      readJson(text, dialect, (member, key, value) => found.set(pointerOf(member), { key, value }));
      places = found;
    }
    const place = places.get(pointerOf(code === "missing_key" ? path.slice(0, -1) : path));
    if (place === undefined) return text.search(/[^ \t\r\n]/);
    return code === "unknown_key" ? place.key : place.value;
  };
}

function issueOf(flaw: Flaw, source: string): Issue {
  const { code, path } = flaw;
  const pointer = pointerOf(path);
  const { expected, found, suggestion } = wordsFor(flaw, source);
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return {
    code,
    message: `${pointer === "" ? "the spec" : pointer}: expected ${expected}, found ${found}${hint}`,
    path,
    pointer,
    expected,
    found,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

interface Words {
  readonly expected: string;
  readonly found: string;
  readonly suggestion?: string | undefined;
}

function wordsFor({ code, path, value, expected = "" }: Flaw, source: string): Words {
  const key = String(path.at(-1) ?? "");
  const rule = ruleAt(path);
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
      return { expected: "fewer than 1000 issues", found: "so many that reading stopped here" };
    case "duplicate_key":
      return { expected: "each key once in an object", found: `${quote(key)} again` };
    case "lone_surrogate":
      return { expected: "well-formed Unicode", found: "half of a surrogate pair" };
    case "non_finite_number":
      return { expected: "a finite number", found: /^-?\w+/.exec(source)?.[0] ?? "" };
    case "integer_too_long":
      return { expected: "at most 4300 digits", found: "a longer integer" };
    case "not_an_object":
      return { expected: "an object", found: describe(value) };
    case "unknown_key":
      return {
        expected: `one of ${allowedKeys(path).join(", ")}`,
        found: `the unknown key ${quote(key)}`,
        suggestion: nearest(key, allowedKeys(path)),
      };
    case "missing_key":
      return { expected: rule === undefined ? missing(key) : ruleInWords(rule), found: "no such key" };
    case "wrong_schema_version":
      return { expected: quote(schemaVersion), found: describe(value), suggestion: schemaVersion };
    case "not_an_integer":
      return {
        expected: rule === undefined ? "an integer" : ruleInWords(rule),
        found: describe(value),
        suggestion: typeof rule === "number" ? meantInteger(value, rule) : undefined,
      };
    case "unsafe_integer":
      return { expected: "a bigint beyond 2^53-1, where numbers lose digits", found: describe(value) };
    case "too_small":
      return { expected: ruleInWords(rule ?? 1), found: describe(value) };
    case "not_a_string":
    case "not_in_enum":
      return {
        expected: ruleInWords(rule ?? []),
        found: describe(value),
        suggestion: typeof rule === "object" && typeof value === "string" ? nearest(value, rule) : undefined,
      };
    case "missing_variable":
    case "malformed_variable":
      return { expected, found: describe(value) };
  }
}

function missing(key: string): string {
  return key === "schema_version" ? quote(schemaVersion) : "an object";
}

function firstToken(source: string): string {
  return /^[\w.+-]+/.exec(source)?.[0] ?? String.fromCodePoint(source.codePointAt(0) ?? 0);
}

function ruleInWords(rule: number | readonly string[]): string {
  return typeof rule === "number" ? `an integer >= ${rule}` : `one of ${rule.map(quote).join(", ")}`;
}

function rulesAt(section: unknown): Readonly<Record<string, number | readonly string[]>> | undefined {
  return section === "ant_spec" || section === "colony_spec" ? knobRules[section] : undefined;
}

function ruleAt([section, key]: readonly PropertyKey[]): number | readonly string[] | undefined {
  return typeof key === "string" ? rulesAt(section)?.[key] : undefined;
}

function allowedKeys(path: readonly PropertyKey[]): readonly string[] {
  const own = path.length > 1 ? Object.keys(rulesAt(path[0]) ?? {}) : ["schema_version", ...Object.keys(knobRules)];
  return [...own, "name", "notes"];
}
