import type { JsonObject, JsonValue } from "@vrx/objective-contract";

/** Where a text is no JSON, from 1. */
export interface JsonTextIssue {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type JsonTextRead =
  | { readonly status: "ok"; readonly json: JsonValue; readonly floats: ReadonlySet<string> }
  | { readonly status: "invalid"; readonly issue: JsonTextIssue };

/** Deeper than any artifact, shallower than any stack. */
const MAX_DEPTH = 64;

class Fault extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const BLANK = /[ \t\r\n]*/y;

/**
 * Reads JSON and remembers what `JSON.parse` forgets: which numbers were written as floats (`1.0`), by JSON pointer.
 * A key that comes twice in one object is a fault: readers would disagree on which one counts.
 */
export function readJsonText(text: string): JsonTextRead {
  const floats = new Set<string>();
  let at = 0;
  const skip = (): void => {
    BLANK.lastIndex = at;
    at += BLANK.exec(text)?.[0].length ?? 0;
  };
  const fail = (expected: string): never => {
    const found = at >= text.length ? "the end" : JSON.stringify(text.slice(at, at + 12));
    throw new Fault(at, `expected ${expected}, found ${found}`);
  };
  const string = (): string => {
    if (text[at] !== '"') fail("a string");
    let end = at + 1;
    // No regular expression: on a text of megabytes one runs out of stack.
    for (let code = text.charCodeAt(end); code !== 34; code = text.charCodeAt(++end)) {
      if (!(code >= 32)) fail("a string");
      if (code === 92) end++;
    }
    const token = text.slice(at, end + 1);
    let string: string;
    try {
      string = JSON.parse(token) as string;
    } catch {
      return fail("a string");
    }
    at = end + 1;
    return string;
  };
  const number = (pointer: string): number => {
    NUMBER.lastIndex = at;
    const match = NUMBER.exec(text);
    if (match === null) return fail("a value");
    at += match[0].length;
    if (match[1] !== undefined || match[2] !== undefined) floats.add(pointer);
    const parsed = Number(match[0]);
    return Number.isFinite(parsed) ? parsed : fail("a number that a double can hold");
  };
  const value = (pointer: string, depth: number): JsonValue => {
    if (depth > MAX_DEPTH) fail(`at most ${MAX_DEPTH} levels`);
    skip();
    const start = text[at];
    if (start === '"') return string();
    if (start === "{" || start === "[") {
      at++;
      return start === "{" ? members(pointer, depth) : items(pointer, depth);
    }
    for (const [word, known] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return known;
      }
    }
    return number(pointer);
  };
  const members = (pointer: string, depth: number): JsonObject => {
    const object: Record<string, JsonValue> = {};
    skip();
    if (text[at] === "}") {
      at++;
      return object;
    }
    for (;;) {
      skip();
      const keyAt = at;
      const key = string();
      if (Object.hasOwn(object, key))
        throw new Fault(keyAt, `the key ${JSON.stringify(key)} comes twice in one object`);
      skip();
      if (text[at] !== ":") fail('":"');
      at++;
      const member = value(`${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, depth + 1);
      // A key like __proto__ is data, not a prototype.
      Object.defineProperty(object, key, { value: member, enumerable: true, configurable: true, writable: true });
      skip();
      if (text[at] === "}") {
        at++;
        return object;
      }
      if (text[at] !== ",") fail('"," or "}"');
      at++;
    }
  };
  const items = (pointer: string, depth: number): readonly JsonValue[] => {
    const list: JsonValue[] = [];
    skip();
    if (text[at] === "]") {
      at++;
      return list;
    }
    for (;;) {
      list.push(value(`${pointer}/${list.length}`, depth + 1));
      skip();
      if (text[at] === "]") {
        at++;
        return list;
      }
      if (text[at] !== ",") fail('"," or "]"');
      at++;
    }
  };
  try {
    const json = value("", 0);
    skip();
    if (at < text.length) fail("the end of the text");
    return { status: "ok", json, floats };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const before = text.slice(0, error.offset);
    const line = before.split("\n").length;
    const column = error.offset - before.lastIndexOf("\n");
    return { status: "invalid", issue: { line, column, message: error.message } };
  }
}
