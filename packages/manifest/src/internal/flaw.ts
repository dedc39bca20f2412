import type { IssueCode } from "../issue.js";

/** A hostile text holds many flaws; nobody reads more than these. */
export const maxFlaws = 500;

/** An issue before its place is turned into lines and its parts into a sentence. */
export interface Flaw {
  readonly code: IssueCode;
  readonly path: readonly PropertyKey[];
  readonly expected: string;
  readonly found: string;
  readonly suggestion?: string | undefined;
  readonly offset: number | null;
  readonly variable?: { readonly name: string; readonly offset: number | null } | undefined;
  /** The whole sentence after the pointer, where "expected ..., found ..." does not say it well. */
  readonly sentence?: string | undefined;
}
