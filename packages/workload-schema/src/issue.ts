/** What can be wrong with a spec; closed, so that a program can switch over it. */
export type IssueCode =
  // The text as a whole: reading stops here.
  | "text_too_large"
  | "invalid_utf8"
  | "byte_order_mark"
  | "syntax_error"
  | "nesting_too_deep"
  | "too_many_issues"
  // Tokens: reading goes on.
  | "duplicate_key"
  | "lone_surrogate"
  | "non_finite_number"
  | "integer_too_long"
  // The spec.
  | "not_an_object"
  | "unknown_key"
  | "missing_key"
  | "wrong_schema_version"
  | "not_an_integer"
  | "unsafe_integer"
  | "too_small"
  | "not_a_string"
  | "not_in_enum"
  // Environment variables.
  | "missing_variable"
  | "malformed_variable";

/** One thing that is wrong, where, and what would be right. Extends the issue of Standard Schema (`message`, `path`). */
export interface Issue {
  readonly code: IssueCode;
  /** One sentence: where, what was expected, what was found, what to write instead when that is clear. */
  readonly message: string;
  readonly path: readonly PropertyKey[];
  /** RFC 6901, of the value or key at fault, or of the place where a missing one belongs. */
  readonly pointer: string;
  readonly expected: string;
  readonly found: string;
  /** What was probably meant: a key or a value, as one would write it without quotes. */
  readonly suggestion?: string;
  /** Where in the text, from 1, lines ended by LF, columns in UTF-16 code units; absent for values that came from no text. */
  readonly line?: number;
  readonly column?: number;
  /** From 0, in UTF-16 code units of the text. */
  readonly offset?: number;
}

/** What reading gives: a spec, or every issue in the order of the text. */
export type Read<T> =
  { readonly status: "ok"; readonly spec: T } | { readonly status: "invalid"; readonly issues: readonly Issue[] };
