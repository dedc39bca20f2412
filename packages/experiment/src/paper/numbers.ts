import type { Fact, PaperFacts } from "./gather-facts.js";

/** A piece of a paper's prose. */
export type ProsePart =
  | { readonly kind: "text"; readonly text: string }
  /** A number that is a figure of an artifact, at the digits it is written with. */
  | { readonly kind: "figure"; readonly text: string; readonly fact: Fact }
  /** A number that is in a name, in the notes or in the goal. */
  | { readonly kind: "named"; readonly text: string }
  /** A number that nobody measured. */
  | { readonly kind: "unknown"; readonly text: string };

/** What numbers of a text may come from. */
export interface KnownNumbers {
  readonly facts: PaperFacts;
  /** Texts that people wrote: a number that is in one of them is no claim of the writer's. */
  readonly texts: readonly string[];
}

/** Digits of other scripts count as numbers that cannot be read: a writer has no need of them. */
const numbers =
  /(?<![\p{L}\p{N}_.])-?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?|(?![0-9])[\p{Nd}\p{No}\p{Nl}]+/gu;

/**
 * Comes apart into text and numbers, each with where it is from. A figure may be rounded, but not to less than two
 * significant digits, where nearly every number would be some figure; exact figures may have one.
 */
export function proseParts(text: string, { facts, texts }: KnownNumbers): ProsePart[] {
  const told = [
    ...texts,
    ...facts.facts.flatMap(({ target, what }) => [target, what]),
    ...facts.statements.map((statement) => statement.text),
  ];
  const named = new Set(told.flatMap((one) => one.match(/\d+(?:\.\d+)?/g) ?? []));
  const parts: ProsePart[] = [];
  let end = 0;
  for (const { 0: written, index } of text.matchAll(numbers)) {
    if (index > end) parts.push({ kind: "text", text: text.slice(end, index) });
    end = index + written.length;
    const fact = facts.facts.find(({ value }) => says(written, value));
    if (fact !== undefined) parts.push({ kind: "figure", text: written, fact });
    else parts.push({ kind: named.has(written) ? "named" : "unknown", text: written });
  }
  if (end < text.length) parts.push({ kind: "text", text: text.slice(end) });
  return parts;
}

/** Whether a written number is this figure, exactly or rounded. */
function says(written: string, value: number): boolean {
  const plain = written.replaceAll(",", "");
  const number = Number(plain);
  if (number === value) return true;
  const mantissa = plain.replace(/^-/, "").replace(/[eE].*$/, "");
  const digits = mantissa.replace(".", "").replace(/^0+/, "");
  if (digits.length < 2) return false;
  const decimals = /\.(\d+)/.exec(mantissa)?.[1]?.length ?? 0;
  if (decimals > 0 && !/[eE]/.test(plain) && Number(value.toFixed(Math.min(20, decimals))) === number) return true;
  // Zeros at the end of a whole number may be digits, or only say how large it is.
  const least = decimals > 0 ? digits.length : Math.max(2, digits.replace(/0+$/, "").length);
  for (let kept = least; kept <= Math.min(21, digits.length); kept++) {
    if (Number(value.toPrecision(kept)) === number) return true;
  }
  return false;
}
