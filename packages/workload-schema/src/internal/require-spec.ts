import { WorkloadSchemaError } from "../workload-schema-error.js";
import type { SpecInteger, WorkloadSpec } from "../workload-spec.js";
import { findFlaws, isFlawless } from "./check-spec.js";
import { schemaIssue } from "./schema-issue.js";

/** The spec that a program handed in, checked as strictly as one of a file. */
export function requireSpec(value: unknown): WorkloadSpec<SpecInteger> {
  const flaws = findFlaws(value);
  if (isFlawless(value, flaws)) return value;
  const issues = flaws.map((flaw) => schemaIssue(flaw));
  const hint = typeof value === "string" ? "; use parseWorkloadSpec" : "";
  throw new WorkloadSchemaError("invalid_spec", issues.map(({ message }) => message).join("\n") + hint, issues);
}
