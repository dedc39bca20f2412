import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { writeWhole } from "@vrx/ant-ratio/report";
import {
  type Configuration,
  type HostResult,
  type SurveyReport,
  type SurveyedPlace,
  type Trial,
  isHarnessError,
  localExecutor,
  openStore,
  slurmExecutor,
  slurmNodes,
  surveyHosts,
  surveyReport,
} from "@vrx/harness";
import type { SweepHostsCall } from "../commands/sweep-hosts.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { printable, quoteName } from "../frame/printable.js";
import { table } from "../frame/table.js";
import { slurmOptionsOf } from "../inputs/executor.js";
import { sweepOf } from "../inputs/sweep-file.js";
import { inSeconds } from "./probe-report.js";

/** Measures hosts, and writes which of them are like the others. */
export async function run({ operands, options, output, signal }: SweepHostsCall): Promise<ExitCode> {
  const { sweep, configurations, dir } = await sweepOf(operands.sweep, options.out, {
    here: options.executor === "local",
    fake: false,
    output,
  });
  const trial = trialFor(configurations, options.configuration);
  const folder = join(dir, "hosts");
  const { places, unusable } = await placesFor(options, folder, output);
  try {
    const results: HostResult[] = [...unusable];
    const measuring = surveyHosts(trial, places, {
      signal,
      preflight: options.preflight,
      limits: { time_s: sweep.limits?.time_s ?? null, memory_bytes: sweep.limits?.memory_bytes ?? null },
      ...(sweep.idle === undefined ? {} : { idle: sweep.idle }),
    });
    for await (const result of measuring) {
      results.push(result);
      output.progress().update(`${sweep.name}: ${results.length} of ${places.length + unusable.length} hosts`);
    }
    output.progress().clear();
    signal.throwIfAborted();
    results.push(...(await measuredBefore(folder, trial, new Set(results.map(({ host }) => nameOf(host))))));
    const report = surveyReport(trial, results);
    const file = join(dir, "hosts.json");
    await writeWhole(file, `${JSON.stringify(report, null, 2)}\n`);
    if (options.json) output.printJson(JSON.parse(JSON.stringify(report)) as SurveyReport);
    else reportLines(report, file).forEach((line) => output.print(line));
    return report.hosts.every(({ status }) => status !== "not_run") ? exitCodes.ok : exitCodes.noEvidence;
  } catch (error) {
    throw isHarnessError(error) ? new CliError("bad_environment", error.message, { cause: error }) : error;
  } finally {
    for (const { store } of places) await store.close();
  }
}

function trialFor(configurations: readonly Configuration[], wanted: number | undefined): Trial {
  const configuration = configurations.find(({ index, probe }) =>
    wanted === undefined ? probe !== null : index === wanted,
  );
  if (configuration !== undefined && configuration.probe !== null) return configuration.probe;
  const what = wanted === undefined ? "a configuration" : `configuration ${wanted}`;
  const why = configuration === undefined ? "there is none" : configuration.problems.join("; ");
  throw new CliError("bad_input", `expected ${what} that can run: ${why}`);
}

interface Places {
  readonly places: readonly SurveyedPlace[];
  /** Nodes that the scheduler gives nothing to, which are part of the answer all the same. */
  readonly unusable: readonly HostResult[];
}

async function placesFor(
  { executor, slurm, again }: SweepHostsCall["options"],
  folder: string,
  output: Output,
): Promise<Places> {
  if (executor === "local") {
    if (slurm !== undefined) throw new CliError("bad_arguments", "--slurm is not for the local executor");
    const host = hostname();
    return { places: [{ host, executor: localExecutor(), store: await storeOf(folder, host, again) }], unusable: [] };
  }
  const options = slurm === undefined ? {} : await slurmOptionsOf(slurm);
  const onNote = (text: string): void => output.note(text);
  try {
    const nodes = await slurmNodes(options);
    const places = nodes
      .filter(({ usable }) => usable)
      .map(async ({ name }) => ({
        host: name,
        executor: slurmExecutor(
          { ...options, resubmit: 0, raw: [...(options.raw ?? []), `--nodelist=${name}`] },
          { onNote },
        ),
        store: await storeOf(folder, name, again),
      }));
    const unusable = nodes.filter(({ usable }) => !usable);
    return {
      places: await Promise.all(places),
      unusable: unusable.map(({ name, state }) => ({
        host: name,
        result: null,
        why: `Slurm says it is ${state}`,
        unfit: false,
      })),
    };
  } catch (error) {
    throw isHarnessError(error) ? new CliError("bad_environment", error.message, { cause: error }) : error;
  }
}

/** The trial is the same on all hosts, so that each needs a store of its own. */
function storeOf(folder: string, host: string, again: boolean): ReturnType<typeof openStore> {
  const dir = join(folder, nameOf(host));
  if (again) rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  return openStore(dir);
}

function nameOf(host: string): string {
  return host.replaceAll(/[^\w.-]/g, "_");
}

/** Hosts of this folder that others have measured, or this one earlier. */
async function measuredBefore(
  folder: string,
  trial: Trial,
  known: ReadonlySet<string>,
): Promise<readonly HostResult[]> {
  const results: HostResult[] = [];
  for (const host of readdirSync(folder).sort()) {
    if (known.has(host)) continue;
    const store = await openStore(join(folder, host));
    const result = await store.result(trial.digest);
    await store.close();
    if (result !== null) results.push({ host, result, why: null, unfit: false });
  }
  return results;
}

function reportLines({ hosts, exclude, median, mad }: SurveyReport, file: string): readonly string[] {
  const rows = hosts.map(({ host, status, value, score, standing, exclude: out, why }) => [
    printable(host),
    status,
    value === null ? "-" : inSeconds(value),
    score === null ? "-" : score.toFixed(1),
    standing,
    [...(out ? ["exclude"] : []), ...(why === null ? [] : [printable(why)])].join(": "),
  ]);
  return [
    ...table([["host", "status", "median step", "score", "standing", ""], ...rows]),
    ...(median === null ? [] : [`median ${inSeconds(median)}, MAD ${inSeconds(mad ?? 0)}, of ${hosts.length} hosts`]),
    `exclude: ${exclude.length === 0 ? "none" : printable(exclude.join(","))}`,
    quoteName(file),
  ];
}
