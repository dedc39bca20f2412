import type { Issue } from "./issue.js";

/** `invalid_spec`: a text or an object is no workload spec. `invalid_argument`: the call itself is wrong. */
export type WorkloadSchemaErrorCode = "invalid_spec" | "invalid_argument";

const brand: unique symbol = Symbol.for("@vrx/workload-schema/error");

/** What the functions that cannot return issues throw; recognise it by {@link isWorkloadSchemaError}. */
export class WorkloadSchemaError extends Error {
  readonly [brand] = true;
  override readonly name = "WorkloadSchemaError";
  readonly code: WorkloadSchemaErrorCode;
  /** Everything that is wrong with the spec; empty for `invalid_argument`. */
  readonly issues: readonly Issue[];

  constructor(code: WorkloadSchemaErrorCode, message: string, issues: readonly Issue[] = [], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.issues = issues;
  }
}

/** Whether `error` is a {@link WorkloadSchemaError}, also one of another copy of this package (ESM beside CJS). */
export function isWorkloadSchemaError(error: unknown): error is WorkloadSchemaError {
  return typeof error === "object" && error !== null && brand in error;
}
