import type { ReadOptions } from "./dialect.js";
import { formatIssues } from "./format-issues.js";
import { isFlawless } from "./internal/check-spec.js";
import { explain } from "./internal/explain.js";
import { load } from "./internal/load.js";
import type { Read } from "./issue.js";
import { WorkloadSchemaError } from "./workload-schema-error.js";
import type { SpecInteger, WorkloadSpec } from "./workload-spec.js";

/**
 * Reads a spec from its JSON text (or the UTF-8 bytes of it): the spec with every digit of its integers, or all
 * issues at once. Never throws on bad input.
 */
export function readWorkloadSpec(
  source: string | Uint8Array,
  { dialect = "strict" }: ReadOptions = {},
): Read<WorkloadSpec<SpecInteger>> {
  const { text, value, flaws } = load(source, dialect);
  if (isFlawless(value, flaws)) return { status: "ok", spec: value };
  return { status: "invalid", issues: explain(flaws, text, dialect) };
}

/** As {@link readWorkloadSpec}, but throws a {@link WorkloadSchemaError} with all issues; `filename` goes into its message. */
export function parseWorkloadSpec(
  source: string | Uint8Array,
  options: ReadOptions & { readonly filename?: string | undefined } = {},
): WorkloadSpec<SpecInteger> {
  const read = readWorkloadSpec(source, options);
  if (read.status === "ok") return read.spec;
  throw new WorkloadSchemaError("invalid_spec", formatIssues(read.issues, options), read.issues);
}
