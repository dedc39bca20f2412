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

/** A unit that JSON.stringify leaves as it is, and artifacts do not have; lone surrogates it escapes by itself. */
const beyondAscii = /[\u007f-\uffff]/;

/**
 * JSON as every artifact has it: keys sorted by code point, two spaces of indentation, ASCII only, a
 * final newline. Throws a TypeError for a number that is not finite, which JSON cannot carry.
 */
export function prettyJson(value: JsonValue): string {
  return `${render(value, "\n")}\n`;
}

/** JSON on one line: keys sorted by code point, no spaces, ASCII only. What digests are computed over. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === "object" && value !== null && isInOrder(value)) {
    const text = JSON.stringify(value);
    if (!beyondAscii.test(text)) return text;
  }
  return render(value, "");
}

/** Whether JSON.stringify writes a value, if it is ASCII, as it is to be written: keys in order, nothing it would drop. */
function isInOrder(value: JsonValue): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  if (!isJsonObject(value)) return value.every(isInOrder);
  // An object with a toJSON is not written member by member.
  if ("toJSON" in value) return false;
  let before = "";
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (key < before || member === undefined || !isInOrder(member)) return false;
    before = key;
  }
  return true;
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
    let items = "";
    for (const item of value) items += `${items === "" ? "" : ","}${inner}${render(item, inner)}`;
    return items === "" ? "[]" : `[${items}${newline}]`;
  }
  const colon = newline === "" ? ":" : ": ";
  let members = "";
  for (const key of sorted(Object.keys(value))) {
    members += `${members === "" ? "" : ","}${inner}${asciiString(key)}${colon}${render(value[key] ?? null, inner)}`;
  }
  return members === "" ? "{}" : `{${members}${newline}}`;
}

function asciiString(text: string): string {
  const json = JSON.stringify(text);
  // Nearly every text is ASCII, and asking costs less than replacing nothing.
  if (!beyondAscii.test(json)) return json;
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function sorted(keys: string[]): string[] {
  // Without surrogates both orders are one, and the engine's own is much faster.
  return keys.some((key) => /[\ud800-\udfff]/.test(key)) ? keys.sort(byCodePoint) : keys.sort();
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
