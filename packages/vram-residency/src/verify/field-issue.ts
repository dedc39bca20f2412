/** One thing that is wrong with a value, and where: `pointer` is a JSON pointer (RFC 6901) into it. */
export interface FieldIssue {
  readonly pointer: string;
  readonly expected: string;
  readonly found: string;
}

/** What reading untrusted input gives: the value, or all that is wrong with it. */
export type Read<T> =
  { readonly status: "ok"; readonly value: T } | { readonly status: "invalid"; readonly issues: readonly FieldIssue[] };

/** The longest value that is repeated in a message. */
const SHOWN = 64;

/** A value as a message may show it: short, on one line, without control characters. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value);
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  if (value === undefined) return "nothing";
  return Array.isArray(value) ? "a list" : `a value of type ${typeof value}`;
}

/** So many issues are told in one line. */
const MOST_TOLD = 16;

/** The issues in one line; of very many the first, and how many more there are. */
export function formatFieldIssues(issues: readonly FieldIssue[]): string {
  const told = issues
    .slice(0, MOST_TOLD)
    .map(
      ({ pointer, expected, found }) =>
        `${pointer === "" ? "the value" : pointer}: expected ${expected}, found ${found}`,
    );
  const more = issues.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

/** Reads the members of an object one by one and collects what is wrong with them. */
export class FieldReader {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #pointer: string;
  readonly issues: FieldIssue[];

  constructor(value: unknown, known: readonly string[], pointer = "", issues: FieldIssue[] = []) {
    this.#pointer = pointer;
    this.issues = issues;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    this.#members = isObject ? (value as Record<string, unknown>) : {};
    if (!isObject) this.issues.push({ pointer, expected: "an object", found: shown(value) });
    for (const key of Object.keys(this.#members)) {
      // Not in the pointer: the name is the sender's, and of any length.
      if (!known.includes(key))
        this.issues.push({ pointer, expected: `one of ${known.join(", ")}`, found: shown(key) });
    }
  }

  at(key: string): string {
    return `${this.#pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  }

  raw(key: string): unknown {
    return Object.hasOwn(this.#members, key) ? this.#members[key] : undefined;
  }

  /** A text that `accepts`; the empty text where it is none. */
  text(key: string, expected: string, accepts: (text: string) => boolean): string {
    const value = this.raw(key);
    if (typeof value === "string" && accepts(value)) return value;
    this.issues.push({ pointer: this.at(key), expected, found: shown(value) });
    return "";
  }

  /** A whole number from `minimum` to `maximum`; `minimum` where it is none. */
  count(key: string, minimum: number, maximum: number): number {
    const value = this.raw(key);
    if (Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum)
      return value as number;
    const expected = `a whole number from ${minimum} to ${maximum}`;
    this.issues.push({ pointer: this.at(key), expected, found: shown(value) });
    return minimum;
  }

  flag(key: string): boolean {
    const value = this.raw(key);
    if (typeof value === "boolean") return value;
    this.issues.push({ pointer: this.at(key), expected: "true or false", found: shown(value) });
    return false;
  }

  /** Null where the member is null; what `read` says otherwise. */
  nullable<T>(key: string, read: () => T): T | null {
    return this.raw(key) === null ? null : read();
  }

  result<T>(value: () => T): Read<T> {
    return this.issues.length === 0 ? { status: "ok", value: value() } : { status: "invalid", issues: this.issues };
  }
}
