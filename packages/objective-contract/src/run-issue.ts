/** The artifacts of a run directory. */
export type ArtifactName = "run_cmd.txt" | "env.json" | "samples.jsonl" | "metrics.json" | "metrics.csv" | "summary.md";

/** What makes an artifact unusable. */
export type RunIssueCode =
  | "missing"
  | "unreadable"
  | "too_large"
  | "not_json"
  | "bad_field"
  | "bad_line"
  | "line_too_long"
  | "too_many_samples"
  | "workload_mismatch";

/** One thing that makes a run directory unusable: which artifact, where in it, what was expected and found. */
export interface RunIssue {
  readonly artifact: ArtifactName;
  readonly code: RunIssueCode;
  /** Line from 1, in `samples.jsonl`; null elsewhere. */
  readonly line: number | null;
  /** A JSON pointer; null when the whole artifact is meant. */
  readonly field: string | null;
  readonly message: string;
}
