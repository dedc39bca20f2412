import type { LoweredExperimentTarget, LoweredManifest } from "@vrx/manifest";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ExperimentError } from "../errors.js";
import type { ExperimentRecord } from "./experiment-record.js";
import { runTarget } from "./run-target.js";
import type { RunTargetOptions } from "./target-context.js";
import type { TargetReport } from "./target-report.js";

/** A figure that is another one now. */
export interface Difference {
  readonly what: string;
  readonly before: unknown;
  readonly now: unknown;
}

/** Whether an experiment came out as it did before. */
export interface Reproduction {
  readonly status: "agrees" | "differs";
  /** What was compared and is the same. */
  readonly compared: number;
  readonly differences: readonly Difference[];
  /** What has changed around it, which may explain differences. */
  readonly surroundings: readonly Difference[];
  readonly report: TargetReport;
}

/** What is read of an experiment's directory. */
interface Finished {
  readonly manifest: LoweredManifest;
  readonly target: LoweredExperimentTarget;
  readonly record: ExperimentRecord;
  readonly report: Pick<TargetReport, "status" | "runs" | "benchmarks">;
}

/**
 * Runs the experiment of a directory again, from its resolved manifest and from the first step, into a directory beside
 * it, and compares manifest, data, code of the user's, weights and figures; times and memory are left out. What has
 * changed around it (engine, version of the code, machine) is told beside. Rejects with `invalid_file` where the
 * directory is none of an experiment that ran to its end.
 */
export async function reproduce(dir: string, options: RunTargetOptions = {}): Promise<Reproduction> {
  const path = resolve(dir);
  const before = await readFinished(path);
  const { manifest, target, record } = before;
  const out = options.out ?? `${path}_reproduced_${new Date().toISOString().replace(/[-:.]/g, "").slice(0, 18)}`;
  const report = await runTarget(manifest, target, {
    generate_data: record.generate_data,
    ...options,
    out,
    // Nothing of the first time is gone on with.
    checkpoint_dir: join(out, "checkpoints"),
  });
  if (report.status === "interrupted") throw new ExperimentError("interrupted", `${out}: interrupted before its end`);
  const now = await readFinished(report.dir);
  const { compared, differences } = compareExperiments(before, now);
  const around: Difference[] = [];
  for (const key of ["engine", "code", "environment"] as const) {
    if (JSON.stringify(record[key]) !== JSON.stringify(now.record[key]))
      around.push({ what: key, before: record[key], now: now.record[key] });
  }
  const status = differences.length === 0 ? "agrees" : "differs";
  return { status, compared, differences, surroundings: around, report };
}

async function readFinished(path: string): Promise<Finished> {
  const bad = (name: string, what: string, cause?: unknown): ExperimentError =>
    new ExperimentError("invalid_file", `${join(path, name)}: ${what}`, { cause });
  const read = async <T>(name: string, isOne: (value: Readonly<Record<string, unknown>>) => boolean): Promise<T> => {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(join(path, name), "utf8"));
    } catch (cause) {
      throw bad(name, "this is no directory of an experiment that ran to its end", cause);
    }
    if (typeof value === "object" && value !== null && isOne(value as Readonly<Record<string, unknown>>))
      return value as T;
    throw bad(name, "this is not what an experiment leaves under this name");
  };
  const record = await read<ExperimentRecord>(
    "experiment.json",
    ({ target, data, manifest_digest }) =>
      typeof target === "string" && typeof manifest_digest === "string" && Array.isArray(data),
  );
  const manifest = await read<LoweredManifest>("manifest.json", ({ targets }) => Array.isArray(targets));
  const report = await read<Finished["report"]>(
    "report.json",
    ({ runs, benchmarks }) => Array.isArray(runs) && Array.isArray(benchmarks),
  );
  const target = manifest.targets.find(({ name }) => name === record.target);
  if (target?.type !== "experiment") throw bad("manifest.json", `it has no experiment ${record.target}`);
  if (report.status === "interrupted")
    throw bad("report.json", "the experiment was interrupted: run it to its end first, then reproduce that");
  return { manifest, target, record, report };
}

function compareExperiments(
  before: Finished,
  now: Finished,
): { readonly compared: number; readonly differences: readonly Difference[] } {
  const differences: Difference[] = [];
  let compared = 0;
  const compare = (what: string, a: unknown, b: unknown): void => {
    compared++;
    if (JSON.stringify(a) !== JSON.stringify(b)) differences.push({ what, before: a, now: b });
  };
  compare("manifest digest", before.record.manifest_digest, now.record.manifest_digest);
  for (const kind of ["data", "modules"] as const) {
    for (const [i, file] of before.record[kind].entries())
      compare(`${kind} ${file.path}`, file.sha256, now.record[kind][i]?.sha256);
  }
  compare("status", before.report.status, now.report.status);
  for (const [i, run] of before.report.runs.entries()) {
    const other = now.report.runs[i];
    for (const key of ["steps", "stop_reason", "train", "validation", "reference", "weights_sha256"] as const) {
      compare(`run ${run.id}: ${key}`, run[key], other?.[key]);
    }
    compare(`run ${run.id}: verification`, run.verification?.checks, other?.verification?.checks);
  }
  for (const [i, outcome] of before.report.benchmarks.entries()) {
    // The others are times and memory.
    if (outcome.type !== "perplexity" || outcome.status !== "measured") continue;
    const other = now.report.benchmarks[i];
    compare(`benchmark ${outcome.id}`, outcome.rows, other?.status === "measured" ? other.rows : null);
  }
  return { compared, differences };
}
