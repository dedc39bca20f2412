import type { IssueCode } from "../issue.js";

/** A hostile text holds millions of flaws; nobody reads more than these. */
export const maxFlaws = 1000;

/** Digits in an integer, everywhere in a text and in a program's bigint: the limit of Python's int(). */
export const maxDigits = 4300;

/** An issue before it is put into words. */
export interface Flaw {
  readonly code: IssueCode;
  readonly path: readonly PropertyKey[];
  /** In UTF-16 code units of the text, where the finder knows it. */
  readonly offset?: number;
  /** In words, where the rules of the schema do not say it. */
  readonly expected?: string;
  readonly found?: string;
  /** The offending value, for the rules of the schema. */
  readonly value?: unknown;
}
