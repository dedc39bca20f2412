import { type JsonValue, canonicalJson } from "../json.js";
import type { VerdictStatus } from "../judge.js";
import type { ArtifactName, RunIssue } from "../run-issue.js";
import type { DirectoryVerdict } from "../unusable-verdict.js";

/** A place where an artifact says something else than the samples do. */
export interface Disagreement {
  readonly artifact: ArtifactName;
  /** A key, or a JSON pointer below one; the empty string for the artifact as a whole. */
  readonly field: string;
  readonly recorded: JsonValue;
  readonly recomputed: JsonValue;
}

/** The verdict as `metrics.json` has it. */
export interface RecordedVerdict {
  readonly status: VerdictStatus | null;
  readonly stability_pass: boolean | null;
  readonly fail_reasons: readonly string[] | null;
}

/** What judging a run directory again gives. */
export interface Recheck {
  /** `metrics_only` is a directory in the form of the contract's first tool, which kept no samples. */
  readonly form: "full" | "metrics_only" | "unusable";
  /** Null when there is no `metrics.json` to read. */
  readonly recorded: RecordedVerdict | null;
  /** The verdict on what the directory's evidence says, computed anew. */
  readonly recomputed: DirectoryVerdict;
  readonly disagreements: readonly Disagreement[];
  readonly issues: readonly RunIssue[];
  readonly torn_last_line: boolean;
  /** What to believe: `recomputed`, but a pass or an inconclusive verdict among artifacts that disagree is invalid. */
  readonly verdict: DirectoryVerdict;
}

/** A failure stands whatever the copies say; everything better needs artifacts that agree. */
export function believe(recomputed: DirectoryVerdict, disagreements: readonly Disagreement[]): DirectoryVerdict {
  if (disagreements.length === 0) return recomputed;
  const status = recomputed.status === "fail" ? "fail" : "invalid";
  return {
    ...recomputed,
    status,
    stability_pass: false,
    invalid_reasons: [
      ...recomputed.invalid_reasons,
      ...disagreements.map(({ artifact, field, recorded, recomputed: computed }) => ({
        code: "artifacts_disagree" as const,
        message: `${artifact} ${field}: recorded ${short(recorded)}, computed ${short(computed)}`,
      })),
    ],
    evidence: { level: null, missing: [`the verdict is ${status}`] },
  };
}

/** The verdict a `metrics.json` claims, as far as it has one. */
export function recordedVerdict(metrics: Readonly<Record<string, unknown>>): RecordedVerdict {
  const { verdict, stability_pass, fail_reasons } = metrics;
  const statuses: readonly VerdictStatus[] = ["pass", "fail", "inconclusive", "invalid"];
  return {
    status: statuses.find((status) => status === verdict) ?? null,
    stability_pass: typeof stability_pass === "boolean" ? stability_pass : null,
    fail_reasons:
      Array.isArray(fail_reasons) && fail_reasons.every((reason): reason is string => typeof reason === "string")
        ? fail_reasons
        : null,
  };
}

function short(value: JsonValue): string {
  const text = canonicalJson(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
