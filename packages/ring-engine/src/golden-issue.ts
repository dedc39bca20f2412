/** What is wrong with a golden: closed, one per kind of problem. */
export type GoldenIssueCode =
  "bad_json" | "missing" | "wrong_type" | "out_of_range" | "wrong_length" | "unknown_parameter";

/** One problem of a golden text; `pointer` is a JSON pointer to it. */
export interface GoldenIssue {
  readonly code: GoldenIssueCode;
  readonly pointer: string;
  readonly message: string;
  readonly expected: string;
  readonly found: string;
}
