import type { Issue } from "../issue.js";
import type { Flaw } from "./flaw.js";

type PlaceOf = (offset: number) => { readonly line: number; readonly column: number };

/** RFC 6901. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Puts a flaw into words, with its place in the text where there is one. */
export function toIssue(flaw: Flaw, placeOf: PlaceOf | null): Issue {
  const { code, path, expected, found, suggestion, offset, variable } = flaw;
  const pointer = pointerOf(path);
  const place = offset === null || placeOf === null ? null : placeOf(offset);
  const source = variable === undefined ? null : { name: variable.name, ...placeAt(variable.offset, placeOf) };
  const sentence =
    flaw.sentence ??
    `expected ${expected}, found ${found}${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`;
  const origin =
    source === null
      ? ""
      : ` (from \${${source.name}}${"line" in source ? `, written at ${source.line}:${source.column}` : ", given by --set"})`;
  return {
    code,
    message: printable(`${pointer === "" ? "the manifest" : pointer}: ${sentence}${origin}`),
    path,
    pointer,
    expected,
    found,
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(place === null ? {} : { ...place, offset: offset ?? 0 }),
    ...(source === null ? {} : { variable: source }),
  };
}

function placeAt(
  offset: number | null,
  placeOf: PlaceOf | null,
): { readonly line: number; readonly column: number } | Record<string, never> {
  return offset === null || placeOf === null ? {} : placeOf(offset);
}

/** Keys come from outside: what does not print is escaped. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** In the order of the text; what came from no text first. */
export function inOrder(flaws: readonly Flaw[]): readonly Flaw[] {
  return [...flaws].sort((a, b) => (a.offset ?? -1) - (b.offset ?? -1));
}
