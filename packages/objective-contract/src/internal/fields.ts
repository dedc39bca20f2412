import { type JsonObject, isJson, isJsonObject } from "../json.js";

/** What is wrong with one field of something read: where (a JSON pointer), what was expected, what was found. */
export interface FieldIssue {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * Reads the fields of an object that came from outside, and collects every issue instead of stopping at the
 * first. What a reader returns for a bad field is a stand-in: use the result only when there is no issue.
 */
export class Fields {
  readonly #object: ReadonlyMap<string, unknown>;

  constructor(
    value: unknown,
    private readonly pointer: string,
    private readonly issues: FieldIssue[],
  ) {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isObject) this.issues.push({ field: pointer, expected: "an object", found: describe(value) });
    this.#object = new Map(isObject ? Object.entries(value) : []);
  }

  /** Reports every key that is not in `known`. */
  only(known: readonly string[]): void {
    for (const key of this.#object.keys()) {
      if (!known.includes(key)) this.bad(key, "no such key");
    }
  }

  has(key: string): boolean {
    return this.#object.has(key);
  }

  raw(key: string): unknown {
    return this.#object.get(key);
  }

  string(key: string): string {
    const value = this.raw(key);
    if (typeof value === "string") return value;
    this.bad(key, "a string");
    return "";
  }

  digest(key: string): string {
    const value = this.raw(key);
    if (typeof value === "string" && /^[\da-f]{64}$/.test(value)) return value;
    this.bad(key, "64 lower-case hexadecimal digits");
    return "";
  }

  boolean(key: string): boolean {
    const value = this.raw(key);
    if (typeof value === "boolean") return value;
    this.bad(key, "true or false");
    return false;
  }

  /** A finite number, at least `min`. */
  number(key: string, min = -Infinity): number {
    const value = this.raw(key);
    if (typeof value === "number" && Number.isFinite(value) && value >= min) return value;
    this.bad(key, min === -Infinity ? "a finite number" : `a finite number of at least ${min}`);
    return 0;
  }

  /** A safe integer, at least `min`. */
  integer(key: string, min: number): number {
    const value = this.raw(key);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
    this.bad(key, `an integer of at least ${min}`);
    return min;
  }

  oneOf<const T extends string | number>(key: string, words: readonly [T, ...T[]]): T {
    const value = this.raw(key);
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    this.bad(key, `one of ${words.map((candidate) => JSON.stringify(candidate)).join(", ")}`);
    return words[0];
  }

  strings(key: string): readonly string[] {
    const value = this.raw(key);
    if (Array.isArray(value) && value.every((item): item is string => typeof item === "string")) return value;
    this.bad(key, "a list of strings");
    return [];
  }

  /** Null, or what `read` makes of the field. A key that is absent is an issue, as in every artifact. */
  nullable<T>(key: string, read: (key: string) => T): T | null {
    return this.raw(key) === null ? null : read(key);
  }

  /** An object of JSON values, nested at most 64 deep. */
  json(key: string): JsonObject {
    const value = this.raw(key);
    if (isJson(value, 64) && isJsonObject(value)) return value;
    this.bad(key, "an object of JSON values, nested at most 64 deep");
    return {};
  }

  /** The fields of an object below this one. */
  object(key: string): Fields {
    return new Fields(this.raw(key), this.at(key), this.issues);
  }

  /** A JSON pointer to a field of this object. */
  at(key: string): string {
    return `${this.pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  }

  bad(key: string, expected: string): void {
    this.issues.push({ field: this.at(key), expected, found: this.has(key) ? describe(this.raw(key)) : "nothing" });
  }
}

/** A value in a few words, for a message. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value !== "string") return typeof value === "object" ? "an object" : `a ${typeof value}`;
  return value.length > 60 ? `${JSON.stringify(value.slice(0, 57))}...` : JSON.stringify(value);
}

/** Issues as one sentence, for the message of an error. */
export function issueList(issues: readonly FieldIssue[]): string {
  return issues
    .map(({ field, expected, found }) => `${field === "" ? "it" : field}: expected ${expected}, found ${found}`)
    .join("; ");
}
