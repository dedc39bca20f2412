import { type JsonObject, type JsonValue, isJsonObject } from "@vrx/objective-contract";

/** One thing an artifact says that cannot be: where, what was expected, what is there. */
export interface PacketIssue {
  readonly artifact: "metrics.json" | "env.json" | "run_cmd.txt" | "report.json";
  /** RFC 6901, within the artifact. */
  readonly pointer: string;
  readonly expected: string;
  readonly found: string;
  readonly message: string;
}

/** A JSON document and, by JSON pointer, its numbers that were written with a point or an exponent (`1.0` is no count). */
export interface Artifact {
  readonly json: JsonObject;
  readonly floats?: ReadonlySet<string>;
}

function shown(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/**
 * What one artifact states, key by key. A key that is absent or null states nothing and is null; one of the wrong type
 * or with an impossible value is an issue.
 */
export class Statements {
  readonly #artifact: PacketIssue["artifact"];
  readonly #source: Artifact;
  readonly #issues: PacketIssue[];

  constructor(artifact: PacketIssue["artifact"], source: Artifact, issues: PacketIssue[]) {
    this.#artifact = artifact;
    this.#source = source;
    this.#issues = issues;
  }

  /** Follows keys through objects; null where one of them is absent, an issue where one is no object. */
  #find(path: readonly string[]): JsonValue {
    let value: JsonValue = this.#source.json;
    for (const [depth, key] of path.entries()) {
      if (value === null) return null;
      if (!isJsonObject(value)) {
        this.refuse(path.slice(0, depth), "an object", value);
        return null;
      }
      value = Object.hasOwn(value, key) ? (value[key] ?? null) : null;
    }
    return value;
  }

  refuse(path: readonly string[], expected: string, value: JsonValue): null {
    const pointer = path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
    if (this.#issues.some((issue) => issue.artifact === this.#artifact && issue.pointer === pointer)) return null;
    const found = shown(value);
    const message = `${this.#artifact}${pointer}: expected ${expected}, found ${found}`;
    this.#issues.push({ artifact: this.#artifact, pointer, expected, found, message });
    return null;
  }

  text(...path: string[]): string | null {
    const value = this.#find(path);
    return value === null || typeof value === "string" ? value : this.refuse(path, "a text", value);
  }

  flag(...path: string[]): boolean | null {
    const value = this.#find(path);
    return value === null || typeof value === "boolean" ? value : this.refuse(path, "true or false", value);
  }

  /** True or false; anything else states nothing (the rule of v0 for `eval_disjoint`). */
  flagOrNothing(...path: string[]): boolean | null {
    const value = this.#find(path);
    return typeof value === "boolean" ? value : null;
  }

  /** A number from `min` to `max`, both included. */
  number(min: number, max: number, ...path: string[]): number | null {
    const value = this.#find(path);
    if (value === null) return null;
    if (typeof value === "number" && Number.isFinite(value) && value >= min && value <= max) return value;
    const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
    return this.refuse(path, `a number ${range}`, value);
  }

  /** A whole number of at least `min`; one that was written as `1.0` is no count, and states nothing. */
  count(min: number, ...path: string[]): number | null {
    const value = this.#find(path);
    if (value === null) return null;
    if (typeof value === "number" && this.#source.floats?.has(`/${path.join("/")}`) === true) {
      return Number.isInteger(value) ? null : this.refuse(path, `a whole number of at least ${min}`, value);
    }
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
    return this.refuse(path, `a whole number of at least ${min}`, value);
  }

  texts(...path: string[]): readonly string[] | null {
    const value = this.#find(path);
    if (value === null) return null;
    if (Array.isArray(value) && value.every((item): item is string => typeof item === "string")) return value;
    return this.refuse(path, "a list of texts", value);
  }
}
