/** A value that JSON can carry. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** An object that JSON can carry. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Whether `value` is an object and not an array. */
export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * JSON as every artifact has it: keys sorted by code point, two spaces of indentation, ASCII only, a
 * final newline. Throws a TypeError for a number that is not finite, which JSON cannot carry.
 */
export function prettyJson(value: JsonValue): string {
  return `${render(value, "\n")}\n`;
}

/** JSON on one line: keys sorted by code point, no spaces, ASCII only. What digests are computed over. */
export function canonicalJson(value: JsonValue): string {
  return render(value, "");
}

function render(value: JsonValue, newline: string): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return asciiString(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`JSON cannot carry the number ${value}`);
    return String(value);
  }
  const inner = newline === "" ? "" : `${newline}  `;
  if (!isJsonObject(value)) {
    return enclose(
      "[",
      "]",
      newline,
      inner,
      [...value].map((item) => render(item, inner)),
    );
  }
  const colon = newline === "" ? ":" : ": ";
  const members = Object.keys(value)
    .sort(byCodePoint)
    .map((key) => `${asciiString(key)}${colon}${render(value[key] ?? null, inner)}`);
  return enclose("{", "}", newline, inner, members);
}

function enclose(open: string, close: string, newline: string, inner: string, items: readonly string[]): string {
  return items.length === 0 ? open + close : `${open}${inner}${items.join(`,${inner}`)}${newline}${close}`;
}

function asciiString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The order of Python's `sorted`; the default order of JavaScript compares UTF-16 units and differs above U+FFFF. */
function byCodePoint(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Whether a value is plain JSON (finite numbers, plain objects), nested no deeper than `depth`. */
export function isJson(value: unknown, depth: number): value is JsonValue {
  if (value === null || typeof value === "boolean" || typeof value === "string") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depth === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((item) => isJson(item, depth - 1));
}
