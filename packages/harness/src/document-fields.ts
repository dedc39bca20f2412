import type { JsonObject, JsonValue } from "@vrx/objective-contract";
import { isJsonObject } from "@vrx/objective-contract";
import { nearestOf } from "./sweep/nearest.js";

/** What is wrong with one place of a document: where (a JSON pointer), what was expected and found, and both in words. */
export interface DocumentIssue {
  readonly pointer: string;
  readonly expected: string;
  readonly found: string;
  readonly message: string;
}

/**
 * Reads the members of an object that came from outside and collects every issue instead of stopping at the first. What
 * it returns for a bad member is a stand-in: use the result only when there is no issue.
 */
export class DocumentFields {
  readonly #object: JsonObject;

  constructor(
    value: JsonValue | undefined,
    readonly pointer: string,
    readonly issues: DocumentIssue[],
  ) {
    const object = value !== undefined && isJsonObject(value) ? value : null;
    if (object === null) add(issues, pointer, "an object", value);
    this.#object = object ?? {};
  }

  /** Reports every key that is not among `known`, with the one that was probably meant. */
  only(known: readonly string[]): void {
    for (const key of Object.keys(this.#object)) {
      if (known.includes(key)) continue;
      const { suggestion } = nearestOf(key, known);
      const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
      add(this.issues, this.at(key), `one of ${known.join(", ")}`, key, hint);
    }
  }

  raw(key: string): JsonValue | undefined {
    return Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
  }

  at(key: string): string {
    return `${this.pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  }

  text(key: string): string {
    const value = this.raw(key);
    return typeof value === "string" ? value : this.bad(key, "a text", "");
  }

  flag(key: string): boolean {
    const value = this.raw(key);
    return typeof value === "boolean" ? value : this.bad(key, "true or false", false);
  }

  /** A safe integer of at least `min`; a flag is none, as it would be in Python. */
  count(key: string, min = 0): number {
    const value = this.raw(key);
    const is = typeof value === "number" && Number.isSafeInteger(value) && value >= min;
    return is ? value : this.bad(key, `a whole number of at least ${min}`, min);
  }

  number(key: string, min: number, max = Infinity): number {
    const value = this.raw(key);
    const is = typeof value === "number" && value >= min && value <= max;
    const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
    return is ? value : this.bad(key, `a number ${range}`, min);
  }

  word<const W extends string>(key: string, words: readonly [W, ...W[]]): W {
    const value = this.raw(key);
    const known = words.find((word) => word === value);
    return known ?? this.bad(key, words.map((word) => JSON.stringify(word)).join(" or "), words[0]);
  }

  texts(key: string): readonly string[] {
    return this.list(key, (value, pointer) => {
      if (typeof value === "string") return value;
      add(this.issues, pointer, "a text", value);
      return "";
    });
  }

  list<T>(key: string, read: (value: JsonValue, pointer: string) => T): readonly T[] {
    const value = this.raw(key);
    if (!Array.isArray(value)) return this.bad(key, "a list", []);
    return value.map((item: JsonValue, i) => read(item, `${this.at(key)}/${i}`));
  }

  object(key: string): DocumentFields {
    return new DocumentFields(this.raw(key), this.at(key), this.issues);
  }

  json(key: string): JsonObject {
    const value = this.raw(key);
    return value !== undefined && isJsonObject(value) ? value : this.bad(key, "an object", {});
  }

  /** Null, or what `read` makes of the member; that it is absent is an issue. */
  nullable<T>(key: string, read: (key: string) => T): T | null {
    return this.raw(key) === null ? null : read(key);
  }

  bad<T>(key: string, expected: string, instead: T): T {
    add(this.issues, this.at(key), expected, this.raw(key));
    return instead;
  }
}

function add(
  issues: DocumentIssue[],
  pointer: string,
  expected: string,
  value: JsonValue | undefined,
  hint = "",
): void {
  const found = shown(value);
  const message = `${pointer === "" ? "the document" : pointer}: expected ${expected}, found ${found}${hint}`;
  issues.push({ pointer, expected, found, message });
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
