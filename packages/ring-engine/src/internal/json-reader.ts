import type { GoldenIssue, GoldenIssueCode } from "../golden-issue.js";

const MOST_ISSUES = 100;
/** Deeper nesting is no array of numbers. */
const DEEPEST = 16;

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  const text = JSON.stringify(value) as string | undefined;
  return (text ?? typeof value).slice(0, 60);
}

/** Typed access to a parsed JSON document by path; what does not fit is collected, and a neutral value is returned. */
export class JsonReader {
  readonly issues: GoldenIssue[] = [];

  private constructor(private readonly root: unknown) {}

  static parse(
    text: string,
  ):
    | { readonly status: "ok"; readonly reader: JsonReader }
    | { readonly status: "invalid"; readonly issue: GoldenIssue } {
    try {
      return { status: "ok", reader: new JsonReader(JSON.parse(text)) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const issue = {
        code: "bad_json",
        pointer: "",
        message: `no JSON: ${why}`,
        expected: "JSON",
        found: why,
      } as const;
      return { status: "invalid", issue };
    }
  }

  issue(code: GoldenIssueCode, pointer: string, expected: string, found: string): void {
    if (this.issues.length >= MOST_ISSUES) return;
    const where = pointer === "" ? "the document" : pointer;
    this.issues.push({ code, pointer, message: `${where}: expected ${expected}, found ${found}`, expected, found });
  }

  /** Own properties only; parameter names contain dots but no slashes, so a path needs no escapes. */
  private get(pointer: string): unknown {
    let value = this.root;
    for (const key of pointer.split("/").slice(1)) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[key];
    }
    return value;
  }

  private wrong(pointer: string, expected: string, value: unknown): void {
    this.issue(value === undefined ? "missing" : "wrong_type", pointer, expected, describe(value));
  }

  has(pointer: string): boolean {
    return this.get(pointer) !== undefined;
  }

  isNull(pointer: string): boolean {
    return this.get(pointer) === null;
  }

  isNumber(pointer: string): boolean {
    return typeof this.get(pointer) === "number";
  }

  /** The keys of an object; of an array too, as JavaScript has it. */
  keys(pointer: string): readonly string[] {
    const value = this.get(pointer);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.keys(value);
    this.wrong(pointer, "an object", value);
    return [];
  }

  /** The length of a list. */
  list(pointer: string): number {
    const value = this.get(pointer);
    if (Array.isArray(value)) return value.length;
    this.wrong(pointer, "a list", value);
    return 0;
  }

  /** True if there is a list of exactly `length` elements. */
  listOf(pointer: string, length: number): boolean {
    const value = this.get(pointer);
    if (Array.isArray(value) && value.length === length) return true;
    if (Array.isArray(value)) this.issue("wrong_length", pointer, `a list of ${length}`, describe(value));
    else this.wrong(pointer, `a list of ${length}`, value);
    return false;
  }

  text(pointer: string): string {
    const value = this.get(pointer);
    if (typeof value === "string") return value;
    this.wrong(pointer, "a text", value);
    return "";
  }

  word(pointer: string, words: readonly string[]): string {
    const value = this.get(pointer);
    if (typeof value === "string" && words.includes(value)) return value;
    this.wrong(pointer, words.map((word) => JSON.stringify(word)).join(" or "), value);
    return words[0] ?? "";
  }

  boolean(pointer: string): boolean {
    const value = this.get(pointer);
    if (typeof value === "boolean") return value;
    this.wrong(pointer, "true or false", value);
    return false;
  }

  number(pointer: string): number {
    const value = this.get(pointer);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    this.wrong(pointer, "a finite number", value);
    return 0;
  }

  integer(pointer: string, minimum: number, maximum: number, fallback?: number): number {
    const value = this.get(pointer);
    if (value === undefined && fallback !== undefined) return fallback;
    if (typeof value !== "number" || !Number.isInteger(value)) this.wrong(pointer, "an integer", value);
    else if (value < minimum || value > maximum) {
      this.issue("out_of_range", pointer, `an integer from ${minimum} to ${maximum}`, String(value));
    } else return value;
    return minimum;
  }

  /** Exactly `length` finite numbers, from a flat or nested list or (where one is expected) a single number. */
  numbers(
    pointer: string,
    length: number,
    range?: { readonly minimum: number; readonly maximum: number },
  ): Float64Array {
    const value = this.get(pointer);
    const neutral = new Float64Array(0);
    if (!Array.isArray(value) && typeof value !== "number") {
      this.wrong(pointer, `${length} numbers`, value);
      return neutral;
    }
    const flat: unknown[] = typeof value === "number" ? [value] : value.flat(DEEPEST);
    if (flat.length !== length) {
      this.issue("wrong_length", pointer, `${length} numbers`, `${flat.length}`);
      return neutral;
    }
    const numbers = new Float64Array(length);
    for (const [i, element] of flat.entries()) {
      if (typeof element !== "number" || !Number.isFinite(element)) {
        this.issue("wrong_type", pointer, "finite numbers", `${describe(element)} as number ${i}`);
        return neutral;
      }
      if (range !== undefined && (element < range.minimum || element > range.maximum)) {
        this.issue(
          "out_of_range",
          pointer,
          `numbers from ${range.minimum} to ${range.maximum}`,
          `${element} as number ${i}`,
        );
        return neutral;
      }
      numbers[i] = element;
    }
    return numbers;
  }

  /** Where lists lie below `pointer`, down to `depth` levels of objects, at paths that `accept` takes. */
  findLists(pointer: string, accept: (pointer: string) => boolean, depth: number): readonly string[] {
    const found: string[] = [];
    const walk = (value: unknown, path: string, left: number): void => {
      if (Array.isArray(value)) {
        if (accept(path)) found.push(path);
      } else if (typeof value === "object" && value !== null && left > 0) {
        for (const [key, child] of Object.entries(value)) walk(child, `${path}/${key}`, left - 1);
      }
    };
    walk(this.get(pointer), pointer, depth);
    return found;
  }
}
