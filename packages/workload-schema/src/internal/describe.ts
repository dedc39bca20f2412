import { FloatToken } from "./float-token.js";

const maxShown = 60;

/** A value in a message: short, on one line, and harmless to a terminal. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (value instanceof FloatToken) return `the number ${shorten(value.text)}`;
  if (Array.isArray(value)) return "an array";
  switch (typeof value) {
    case "string":
      return `the string ${quote(value)}`;
    case "number":
    case "bigint":
      return `the number ${shorten(String(value))}`;
    case "boolean":
      return String(value);
    case "object":
      return "an object";
    default:
      return `a ${typeof value}`;
  }
}

/** In double quotes, with everything escaped that does not print as itself (controls, bidirectional marks, lone surrogates). */
export function quote(text: string): string {
  return JSON.stringify(shorten(text)).replace(/(?! )[\p{C}\p{Z}]/gu, (unprintable) =>
    Array.from({ length: unprintable.length }, (_, unit) => unprintable.charCodeAt(unit).toString(16))
      .map((hex) => `\\u${hex.padStart(4, "0")}`)
      .join(""),
  );
}

function shorten(text: string): string {
  return text.length > maxShown ? `${text.slice(0, maxShown)}...` : text;
}
