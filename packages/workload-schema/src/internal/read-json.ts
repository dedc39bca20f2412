import type { Dialect } from "../dialect.js";
import type { IssueCode } from "../issue.js";
import { type Flaw, maxDigits, maxFlaws } from "./flaw.js";
import { FloatToken } from "./float-token.js";

/** JSON with its tokens kept: integers with every digit, other numbers as they are written. */
export interface JsonDocument {
  /** Plain values, with `FloatToken` for numbers that are no integers; meaningless once a flaw has ended the reading. */
  readonly value: unknown;
  readonly hasFloats: boolean;
  readonly flaws: readonly Flaw[];
}

/** Told of every member of the outermost two levels of objects: its path, and where its key and its value begin. */
export type OnMember = (path: readonly PropertyKey[], keyOffset: number, valueOffset: number) => void;

/**
 * Open brackets at most. Python has no limit of its own but that of its stack: 993 is what CPython 3.11 opens, with
 * its default recursion limit of 1000, when main() calls a function that calls json.loads().
 */
const maxDepth = { strict: 512, python: 993 };

export function readJson(text: string, dialect: Dialect, onMember?: OnMember): JsonDocument {
  const strict = dialect === "strict";
  const flaws: Flaw[] = [];
  const path: PropertyKey[] = [];
  let at = 0;
  let depth = 0;
  let hasFloats = false;
  let stopped = false;

  function report(code: IssueCode, offset: number, expected = ""): void {
    if (stopped) return;
    flaws.push({ code, path: path.slice(0, depth), offset, expected });
    if (flaws.length === maxFlaws) stop("too_many_issues");
  }

  /** Ends the reading: whoever reads on finds the end of the text, and is not heard. */
  function stop(code: IssueCode, expected = ""): null {
    report(code, at, expected);
    stopped = true;
    at = text.length + 1;
    return null;
  }

  function skipSpace(): number {
    let unit = text.charCodeAt(at);
    while (unit === 32 || unit === 10 || unit === 13 || unit === 9) unit = text.charCodeAt(++at);
    return unit;
  }

  function isDigit(): boolean {
    const unit = text.charCodeAt(at);
    return unit > 47 && unit < 58;
  }

  function readString(): string {
    const begin = at++;
    let from = at;
    let value = "";
    let surrogates = false;
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit === 34) break;
      if (unit === 92) {
        value += text.slice(from, at);
        const letter = text.charAt(at + 1);
        const escape = '"\\/bfnrt'.indexOf(letter);
        if (letter === "u" && /^[\da-f]{4}$/i.test(text.slice(at + 2, at + 6))) {
          value += String.fromCharCode(parseInt(text.slice(at + 2, at + 6), 16));
          surrogates = true;
          at += 6;
        } else if (letter !== "" && escape >= 0) {
          value += '"\\/\b\f\n\r\t'.charAt(escape);
          at += 2;
        } else {
          stop("syntax_error", 'an escape: one of \\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hexadecimal digits');
          return value;
        }
        from = at;
      } else if (unit > 31) {
        if (unit > 0xd7ff && unit < 0xe000) surrogates = true;
        at++;
      } else {
        stop("syntax_error", unit < 32 ? "an escaped control character" : "the closing quote of the string");
        return value;
      }
    }
    const tail = text.slice(from, at++);
    value = value === "" ? tail : value + tail;
    if (strict && surrogates && /\p{Surrogate}/u.test(value)) report("lone_surrogate", begin);
    return value;
  }

  function readWord(word: string, value: boolean | null): boolean | null {
    if (!text.startsWith(word, at)) return stop("syntax_error", "a value");
    at += word.length;
    return value;
  }

  function float(begin: number): FloatToken {
    hasFloats = true;
    return new FloatToken(text.slice(begin, at));
  }

  function skipDigits(): void {
    while (isDigit()) at++;
  }

  function readNumber(): unknown {
    const begin = at;
    const negative = text.charCodeAt(at) === 45;
    if (negative) at++;
    const digits = at;
    if (text.charCodeAt(at) === 48) at++;
    else skipDigits();
    if (digits === at) {
      if (text.startsWith("Infinity", at)) return nonFinite(begin);
      return stop("syntax_error", negative ? "a digit" : "a value");
    }
    const whole = at;
    if (text.charCodeAt(at) === 46) {
      at++;
      if (!isDigit()) at = whole;
      skipDigits();
    }
    const mantissa = at;
    // Setting bit 5 makes letters small.
    if ((text.charCodeAt(at) | 32) === 101) {
      const sign = text.charCodeAt(++at);
      if (sign === 43 || sign === 45) at++;
      if (!isDigit()) at = mantissa;
      skipDigits();
    }
    if (at > whole) return float(begin);
    if (at - digits > maxDigits) {
      report("integer_too_long", begin);
      // Any value that no knob refuses for its size as well.
      return 1;
    }
    const token = text.slice(begin, at);
    const value = Number(token);
    // Adding 0 makes -0 the integer 0, as in Python.
    return Number.isSafeInteger(value) ? value + 0 : BigInt(token);
  }

  function nonFinite(begin: number): FloatToken {
    if (strict) report("non_finite_number", begin);
    at += text.startsWith("NaN", at) ? 3 : 8;
    return float(begin);
  }

  function readArray(): unknown {
    const items: unknown[] = [];
    at++;
    if (skipSpace() === 93) at++;
    else
      for (;;) {
        path[depth - 1] = items.length;
        items.push(readValue());
        const unit = skipSpace();
        at++;
        if (unit === 93) break;
        if (unit !== 44) {
          at--;
          return stop("syntax_error", "a comma or ]");
        }
      }
    return items;
  }

  function readObject(): unknown {
    const members: Record<string, unknown> = {};
    at++;
    if (skipSpace() === 125) at++;
    else
      for (;;) {
        // What is wrong with a key belongs to the object, not to the member before.
        depth--;
        if (skipSpace() !== 34) return stop("syntax_error", "a key in double quotes");
        const keyOffset = at;
        const key = readString();
        path[depth++] = key;
        if (strict && Object.hasOwn(members, key)) report("duplicate_key", keyOffset);
        if (skipSpace() !== 58) return stop("syntax_error", "a colon");
        at++;
        skipSpace();
        if (depth < 3) onMember?.(path.slice(0, depth), keyOffset, at);
        const value = readValue();
        if (key === "__proto__")
          Object.defineProperty(members, key, { value, enumerable: true, configurable: true, writable: true });
        else members[key] = value;
        const unit = skipSpace();
        at++;
        if (unit === 125) break;
        if (unit !== 44) {
          at--;
          return stop("syntax_error", "a comma or }");
        }
      }
    return members;
  }

  function readValue(): unknown {
    const unit = skipSpace();
    if (unit === 34) return readString();
    if (unit === 123 || unit === 91) {
      if (depth === maxDepth[dialect]) return stop("nesting_too_deep", `at most ${maxDepth[dialect]} open brackets`);
      path.length = depth++;
      const value = unit === 91 ? readArray() : readObject();
      depth--;
      return value;
    }
    if (unit === 116) return readWord("true", true);
    if (unit === 102) return readWord("false", false);
    if (unit === 110) return readWord("null", null);
    return text.startsWith("NaN", at) ? nonFinite(at) : readNumber();
  }

  if (text.charCodeAt(0) === 0xfeff) stop("byte_order_mark");
  const value = readValue();
  skipSpace();
  if (at < text.length) stop("syntax_error", "the end of the text");
  return { value, hasFloats, flaws };
}
