import type { LoweredManifest } from "@vrx/manifest";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ExperimentError } from "../errors.js";
import type { ExperimentRecord } from "./experiment-record.js";
import { type RunTargetOptions, type TargetReport, runTarget } from "./run-target.js";

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

/**
 * Runs the experiment of a directory again, from its resolved manifest and from the first step, into a directory beside
 * it, and compares data, weights and figures; times and memory are left out. Rejects with `invalid_file` where the
 * directory is none of an experiment.
 */
export async function reproduce(dir: string, options: RunTargetOptions = {}): Promise<Reproduction> {
  const path = resolve(dir);
  const read = async <T>(name: string): Promise<T> => {
    try {
      return JSON.parse(await readFile(join(path, name), "utf8")) as T;
    } catch (cause) {
      throw new ExperimentError("invalid_file", `${join(path, name)}: this is no directory of an experiment`, {
        cause,
      });
    }
  };
  const manifest = await read<LoweredManifest>("manifest.json");
  const record = await read<ExperimentRecord>("experiment.json");
  const before = await read<Pick<TargetReport, "runs" | "benchmarks">>("report.json");
  const target = manifest.targets.find(({ name }) => name === record.target);
  if (target?.type !== "experiment") {
    throw new ExperimentError("invalid_file", `${path}: its manifest has no experiment ${record.target}`);
  }
  const out = options.out ?? `${path}_reproduced_${new Date().toISOString().replace(/[-:.]/g, "").slice(0, 18)}`;
  // Nothing of the first time is gone on with.
  const report = await runTarget(manifest, target, { ...options, out, checkpoint_dir: join(out, "checkpoints") });
  const again = JSON.parse(await readFile(join(report.dir, "experiment.json"), "utf8")) as ExperimentRecord;
  const now = JSON.parse(await readFile(join(report.dir, "report.json"), "utf8")) as typeof before;
  const differences: Difference[] = [];
  const counted = { compared: 0 };
  const compare = (what: string, a: unknown, b: unknown): void => {
    counted.compared++;
    if (JSON.stringify(a) !== JSON.stringify(b)) differences.push({ what, before: a, now: b });
  };
  compare("manifest digest", record.manifest_digest, again.manifest_digest);
  for (const [i, file] of record.data.entries()) compare(`data ${file.path}`, file.sha256, again.data[i]?.sha256);
  for (const [i, run] of before.runs.entries()) {
    const other = now.runs[i];
    for (const key of ["steps", "stop_reason", "train", "validation", "reference", "weights_sha256"] as const) {
      compare(`run ${run.id}: ${key}`, run[key], other?.[key]);
    }
    compare(`run ${run.id}: verification`, run.verification?.checks, other?.verification?.checks);
  }
  for (const [i, outcome] of before.benchmarks.entries()) {
    if (outcome.type !== "perplexity" || outcome.status !== "measured") continue;
    const other = now.benchmarks[i];
    compare(`benchmark ${outcome.id}`, outcome.rows, other?.status === "measured" ? other.rows : null);
  }
  const around: Difference[] = [];
  for (const key of ["engine", "code", "environment"] as const) {
    if (JSON.stringify(record[key]) !== JSON.stringify(again[key]))
      around.push({ what: key, before: record[key], now: again[key] });
  }
  const status = differences.length === 0 ? "agrees" : "differs";
  return { status, ...counted, differences, surroundings: around, report };
}
