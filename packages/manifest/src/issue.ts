/** What can be wrong with a manifest; closed, so that a program can switch over it. */
export type IssueCode =
  // The text as a whole: reading stops here.
  | "text_too_large"
  | "unsupported_format"
  | "syntax_error"
  | "nesting_too_deep"
  | "too_many_values"
  | "recursive_alias"
  | "empty"
  | "too_many_issues"
  // Keys and values.
  | "duplicate_key"
  | "unknown_key"
  | "missing_key"
  | "wrong_type"
  | "not_in_enum"
  | "out_of_range"
  | "wrong_version"
  // Variables.
  | "unknown_variable"
  | "variable_cycle"
  | "text_too_long"
  // What fits together.
  | "duplicate_name"
  | "unknown_target"
  | "unknown_role"
  | "does_not_fit"
  | "shape_mismatch"
  | "bad_graph"
  | "too_many_layers";

/** One thing that is wrong, where, and what would be right. Extends the issue of Standard Schema (`message`, `path`). */
export interface Issue {
  readonly code: IssueCode;
  /** One sentence: where, what was expected, what was found, what to write instead when that is clear. */
  readonly message: string;
  readonly path: readonly PropertyKey[];
  /** RFC 6901, of the value or key at fault, or of the mapping where a missing key belongs; after variables are filled in. */
  readonly pointer: string;
  readonly expected: string;
  readonly found: string;
  /** What was probably meant: a key or a value, as one would write it without quotes. */
  readonly suggestion?: string;
  /** Where in the text, from 1, columns in UTF-16 code units; absent for values that came from no text. */
  readonly line?: number;
  readonly column?: number;
  /** From 0, in UTF-16 code units of the text. */
  readonly offset?: number;
  /** The variable whose value this is, and where the value is written (absent for `--set` and programs). */
  readonly variable?: { readonly name: string; readonly line?: number; readonly column?: number };
}

/** What reading gives: a value, or every issue in the order of the text. */
export type Read<T> =
  { readonly status: "ok"; readonly manifest: T } | { readonly status: "invalid"; readonly issues: readonly Issue[] };
