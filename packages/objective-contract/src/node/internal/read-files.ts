import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { type FieldIssue, issueList } from "../../internal/fields.js";
import type { ArtifactName, RunIssue, RunIssueCode } from "../../run-issue.js";
import { MAX_SAMPLE_LINE_BYTES, readSampleLine } from "../../sample-line.js";
import type { StepSample } from "../../step-sample.js";
import { errorCode } from "./atomic-file.js";

/** The most samples a run may have. */
export const MAX_SAMPLES = 1_000_000;
/** The largest of the other artifacts that is read, in bytes. */
export const MAX_ARTIFACT_BYTES = 16 * 2 ** 20;
/** After so many issues reading stops; the first ones tell the story. */
const MAX_ISSUES = 20;
const CHUNK_BYTES = 1 << 18;

/** An artifact as text, or why there is none. */
export type ReadText =
  | { readonly status: "ok"; readonly text: string; readonly sha256: string }
  | { readonly status: "invalid"; readonly issue: RunIssue };

/** What `samples.jsonl` holds. */
export interface ReadSamples {
  readonly samples: readonly StepSample[];
  readonly issues: readonly RunIssue[];
  /** Whether the last line was cut off, as a kill in the middle of writing leaves it; it is not counted. */
  readonly torn_last_line: boolean;
  /** Null when reading stopped before the end. */
  readonly sha256: string | null;
}

/** Reads a whole artifact other than the samples. */
export function readText(dir: string, artifact: ArtifactName): ReadText {
  const path = join(dir, artifact);
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return { status: "invalid", issue: issue(artifact, "unreadable", "it is not a regular file") };
    if (stat.size > MAX_ARTIFACT_BYTES) {
      return {
        status: "invalid",
        issue: issue(artifact, "too_large", `${stat.size} bytes, at most ${MAX_ARTIFACT_BYTES} are read`),
      };
    }
    const bytes = readBytes(path, MAX_ARTIFACT_BYTES);
    return { status: "ok", text: bytes.toString("utf8"), sha256: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    return { status: "invalid", issue: unreadable(artifact, error) };
  }
}

/**
 * Reads `samples.jsonl` piece by piece, strictly. A generator, so that the same reading serves a thread that
 * may block (the watchdog) and one that may not: it yields after each piece.
 */
export function* readSamples(dir: string, workload_digest: string): Generator<undefined, ReadSamples> {
  const samples: StepSample[] = [];
  const issues: RunIssue[] = [];
  const hash = createHash("sha256");
  const stopped = (): ReadSamples => ({ samples, issues, torn_last_line: false, sha256: null });
  let fd: number;
  try {
    if (!statSync(join(dir, "samples.jsonl")).isFile()) {
      issues.push(issue("samples.jsonl", "unreadable", "it is not a regular file"));
      return stopped();
    }
    fd = openSync(join(dir, "samples.jsonl"), "r");
  } catch (error) {
    issues.push(unreadable("samples.jsonl", error));
    return stopped();
  }
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = "";
    let line = 0;
    for (;;) {
      const count = readSync(fd, chunk, 0, CHUNK_BYTES, null);
      if (count === 0) break;
      const bytes = chunk.subarray(0, count);
      hash.update(bytes);
      const lines = (rest + bytes.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const text of lines) {
        line++;
        readLine(text, line, workload_digest, samples, issues);
        if (issues.length >= MAX_ISSUES) return stopped();
        if (samples.length > MAX_SAMPLES) {
          issues.push(issue("samples.jsonl", "too_many_samples", `more than ${MAX_SAMPLES} samples`, line));
          return stopped();
        }
      }
      if (rest.length > MAX_SAMPLE_LINE_BYTES) {
        issues.push(issue("samples.jsonl", "line_too_long", `over ${MAX_SAMPLE_LINE_BYTES} bytes`, line + 1));
        return stopped();
      }
      yield;
    }
    return { samples, issues, torn_last_line: rest !== "", sha256: hash.digest("hex") };
  } catch (error) {
    issues.push(unreadable("samples.jsonl", error));
    return stopped();
  } finally {
    closeSync(fd);
  }
}

function readLine(
  text: string,
  line: number,
  workload_digest: string,
  samples: StepSample[],
  issues: RunIssue[],
): void {
  if (text.length > MAX_SAMPLE_LINE_BYTES) {
    issues.push(issue("samples.jsonl", "line_too_long", `over ${MAX_SAMPLE_LINE_BYTES} bytes`, line));
    return;
  }
  if (/[^\u0020-\u007e]/.test(text)) {
    issues.push(issue("samples.jsonl", "bad_line", "a byte that is not printable ASCII", line));
    return;
  }
  const read = readSampleLine(text);
  if (read.status === "invalid") {
    const field = read.issues[0]?.field ?? "";
    issues.push(issue("samples.jsonl", "bad_line", issueList(read.issues), line, field === "" ? null : field));
  } else if (read.workload_digest !== workload_digest) {
    issues.push(issue("samples.jsonl", "workload_mismatch", "a sample of another workload", line, "/workload_digest"));
  } else {
    samples.push(read.sample);
  }
}

/** An issue with its place written into its message. */
export function issue(
  artifact: ArtifactName,
  code: RunIssueCode,
  what: string,
  line: number | null = null,
  field: string | null = null,
): RunIssue {
  const place = line === null ? artifact : `${artifact}:${line}`;
  return { artifact, code, line, field, message: `${place}: ${what}` };
}

/** Issues of fields as issues of an artifact. */
export function fieldIssues(artifact: ArtifactName, fields: readonly FieldIssue[]): readonly RunIssue[] {
  return fields
    .slice(0, MAX_ISSUES)
    .map((field) => issue(artifact, "bad_field", issueList([field]), null, field.field === "" ? null : field.field));
}

function unreadable(artifact: ArtifactName, error: unknown): RunIssue {
  const code = errorCode(error);
  if (code === "ENOENT") return issue(artifact, "missing", "it is not there");
  return issue(artifact, "unreadable", code ?? (error instanceof Error ? error.message : String(error)));
}

/** A file that grows while it is read is cut at the limit instead of filling the memory. */
function readBytes(path: string, limit: number): Buffer {
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(Math.min(fstatSync(fd).size, limit));
    let filled = 0;
    while (filled < buffer.length) {
      const count = readSync(fd, buffer, filled, buffer.length - filled, null);
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}
