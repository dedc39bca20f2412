import type { Issue } from "./issue.js";

/** `invalid_manifest`: a value is no manifest. `invalid_argument`: the call itself is wrong. */
export type ManifestErrorCode = "invalid_manifest" | "invalid_argument";

const brand: unique symbol = Symbol.for("@vrx/manifest/error");

/** What the functions that cannot return issues throw; recognise it by {@link isManifestError}. */
export class ManifestError extends Error {
  readonly [brand] = true;
  override readonly name = "ManifestError";
  readonly code: ManifestErrorCode;
  /** Everything that is wrong with the manifest; empty for `invalid_argument`. */
  readonly issues: readonly Issue[];

  constructor(code: ManifestErrorCode, message: string, issues: readonly Issue[] = [], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.issues = issues;
  }
}

/** Whether `error` is a {@link ManifestError}, also one of another copy of this package (ESM beside CJS). */
export function isManifestError(error: unknown): error is ManifestError {
  return typeof error === "object" && error !== null && brand in error;
}
