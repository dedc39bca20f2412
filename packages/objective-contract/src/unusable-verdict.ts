import { type Verdict, judge } from "./judge.js";
import type { RunMetrics } from "./metrics.js";
import type { RunIssue } from "./run-issue.js";
import type { RunRecord } from "./run-record.js";
import type { Contract } from "./contract.js";

/** A verdict on a directory, of which not even the figures may be known. */
export type DirectoryVerdict = Omit<Verdict, "metrics"> & { readonly metrics: RunMetrics | null };

/** The verdict on artifacts that cannot be used: invalid, with an issue in each reason. They prove nothing, not even a failure. */
export function unusableVerdict(issues: readonly RunIssue[], contract: string): DirectoryVerdict {
  return {
    status: "invalid",
    contract,
    stability_pass: false,
    fail_reasons: [],
    invalid_reasons: issues.map(({ message }) => ({ code: "artifacts_unusable", message })),
    inconclusive_reasons: [],
    gates: [],
    metrics: null,
    evidence: { level: null, missing: ["the verdict is invalid"] },
  };
}

/** Judges a record read from artifacts; when some of them were unusable, whatever the rest shows is invalid. */
export function judgeRead(run: RunRecord, contract: Contract, issues: readonly RunIssue[]): Verdict {
  const verdict = judge(run, contract);
  if (issues.length === 0) return verdict;
  return { ...verdict, ...unusableVerdict(issues, contract.name), metrics: verdict.metrics };
}
