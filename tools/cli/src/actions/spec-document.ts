import { canonicalizeWorkloadSpec, computeWorkloadDigest, computeWorkloadId } from "@vrx/workload-schema";
import type { NamedSpec } from "../inputs/spec-source.js";

/** A spec in a `--json` document: its ids and canonical form, or what is wrong with it. */
export function specDocument(named: NamedSpec): Readonly<Record<string, unknown>> {
  const { name, status } = named;
  if (named.status === "invalid") return { name, status, problems: named.problems, issues: named.issues };
  return {
    name,
    status,
    workload_id: computeWorkloadId(named.spec),
    workload_digest: computeWorkloadDigest(named.spec),
    ...canonicalizeWorkloadSpec(named.spec),
  };
}
