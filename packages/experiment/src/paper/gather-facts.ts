import type { LoweredManifest } from "@vrx/manifest";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ExperimentError } from "../errors.js";
import { safeName } from "../run/folders.js";
import type { RunReport, TargetReport } from "../run/target-report.js";

/** A figure of an experiment, and the file that has it. */
export interface Fact {
  readonly target: string;
  /** Such as `run smoke: held-out loss`. */
  readonly what: string;
  readonly value: number;
  /** Relative to the artifacts' folder. */
  readonly file: string;
  /** RFC 6901, into that file. */
  readonly pointer: string;
}

/** A statement that is no number: a verdict, a stop reason. */
export interface Statement {
  readonly target: string;
  readonly text: string;
  readonly file: string;
}

/** Everything a paper may say of a manifest's experiments. */
export interface PaperFacts {
  readonly facts: readonly Fact[];
  readonly statements: readonly Statement[];
  /** Pictures, as (target, file relative to the artifacts' folder). */
  readonly figures: readonly { readonly target: string; readonly file: string }[];
  /** Targets without artifacts. */
  readonly absent: readonly string[];
}

/** Reads the newest artifacts of each target. Rejects with `missing_file` where there are none at all. */
export async function gatherFacts(
  manifest: LoweredManifest,
  folder: string,
  targets: readonly string[] | null,
): Promise<PaperFacts> {
  const experiments = manifest.targets.filter(({ type }) => type === "experiment").map(({ name }) => name);
  const facts: Fact[] = [];
  const statements: Statement[] = [];
  const figures: { readonly target: string; readonly file: string }[] = [];
  const absent: string[] = [];
  for (const target of targets ?? experiments) {
    const dir = await newest(join(folder, safeName(target)));
    if (dir === undefined) {
      absent.push(target);
      continue;
    }
    const relative = join(safeName(target), dir);
    const file = join(relative, "report.json");
    const report = await reportOf(join(folder, file));
    if (report.status !== "completed") {
      const why = report.failures.length === 0 ? "" : `: ${report.failures.join("; ")}`;
      statements.push({
        target,
        file,
        text: `The experiment ${report.status === "failed" ? "failed" : "was interrupted"}${why}.`,
      });
    }
    for (const [i, run] of report.runs.entries()) {
      facts.push(
        ...factsOfRun(run).map(([what, value, pointer]) => ({
          target,
          what: `run ${run.id}: ${what}`,
          value,
          file,
          pointer: `/runs/${i}${pointer}`,
        })),
      );
      statements.push({
        target,
        file,
        text: `Run ${run.id} ended because of ${run.stop_reason}; the objective contract's verdict on it is ${run.contract_verdict}.`,
      });
      if (run.verification !== null) {
        statements.push({
          target,
          file: join(relative, `verify_${safeName(run.id)}.json`),
          text: `The ${run.verification.type} verification of run ${run.id} ${run.verification.passed ? "passed" : "failed"}.`,
        });
      }
    }
    for (const [i, outcome] of report.benchmarks.entries()) {
      if (outcome.status === "failed") statements.push({ target, file, text: `Benchmark ${outcome.id} failed.` });
      else {
        for (const [j, row] of outcome.rows.entries()) {
          for (const [key, value] of Object.entries(row)) {
            if (typeof value === "number")
              facts.push({
                target,
                what: `${outcome.id} ${rowName(row)}: ${key}`,
                value,
                file,
                pointer: `/benchmarks/${i}/rows/${j}/${key}`,
              });
          }
        }
      }
    }
    for (const name of report.files) if (name.endsWith(".png")) figures.push({ target, file: join(relative, name) });
  }
  if (facts.length === 0) {
    throw new ExperimentError(
      "missing_file",
      `${folder}: there are no artifacts to write about; run ${absent.join(", ")} first`,
    );
  }
  return { facts, statements, figures, absent };
}

async function reportOf(path: string): Promise<TargetReport> {
  let report: unknown;
  try {
    report = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new ExperimentError("invalid_file", `${path}: this is no report of an experiment`, { cause });
  }
  const { runs, benchmarks, files, failures } = (report ?? {}) as Partial<TargetReport>;
  if ([runs, benchmarks, files, failures].every(Array.isArray)) return report as TargetReport;
  throw new ExperimentError("invalid_file", `${path}: expected runs, benchmarks, files and failures in this report`);
}

async function newest(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort().reverse()) {
    const files = await readdir(join(folder, name)).catch(() => [] as string[]);
    if (files.includes("report.json")) return name;
  }
  return undefined;
}

function factsOfRun(run: RunReport): [string, number, string][] {
  const facts: [string, number, string][] = [
    ["parameters", run.parameters, "/parameters"],
    ["trained parameters", run.trained_parameters, "/trained_parameters"],
    ["steps", run.steps, "/steps"],
    ["seed", run.seed, "/seed"],
  ];
  for (const [key, value] of Object.entries(run.validation ?? {}))
    facts.push([`held-out ${key}`, value, `/validation/${key}`]);
  for (const [key, value] of Object.entries(run.reference ?? {})) {
    if (typeof value === "number") facts.push([key.replaceAll("_", " "), value, `/reference/${key}`]);
  }
  const loss = run.train["loss"];
  if (loss !== undefined) facts.push(["training loss", loss, "/train/loss"]);
  return facts;
}

function rowName(row: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const keys = ["model", "prompt_len", "gen_len", "seq_len", "batch_size", "quantization"];
  return keys
    .flatMap((key) => (row[key] === undefined ? [] : [key === "model" ? text(row[key]) : `${key} ${text(row[key])}`]))
    .join(", ");
}
