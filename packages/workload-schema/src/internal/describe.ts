import { FloatToken } from "./float-token.js";

const maxShown = 60;

/** A value in a message: short, on one line, and harmless to a terminal. */
export function describe(value: unknown): string {
  if (value instanceof FloatToken) return shorten(value.text);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return quote(value);
  if (typeof value === "object" && value !== null) return "an object";
  return shorten(String(value));
}

/** In double quotes and in ASCII: what would move a cursor or turn the writing direction shows as an escape. */
export function quote(text: string): string {
  return JSON.stringify(shorten(text)).replace(
    /[^ -~]/g,
    (unit) => `\\u${(unit.charCodeAt(0) + 65536).toString(16).slice(1)}`,
  );
}

function shorten(text: string): string {
  return text.length > maxShown ? `${text.slice(0, maxShown)}...` : text;
}
