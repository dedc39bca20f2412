import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Comparison, compareRuns, isHarnessError } from "@vrx/harness";
import type { RunRecord } from "@vrx/objective-contract";
import { readRun } from "@vrx/objective-contract/node";
import type { CompareCall } from "../commands/compare.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { printable, quoteName } from "../frame/printable.js";
import { floorFile, floorsOf } from "../inputs/noise-floors.js";
import { whyNoRun } from "../inputs/run-directory.js";

/** Compares the runs of two places. */
export async function run({ operands, options, output }: CompareCall): Promise<ExitCode> {
  const base = await runsIn(operands.base);
  const next = await runsIn(operands.next);
  const file = options.floor ?? floorFile(next[0]?.env.host ?? undefined);
  const floors = await floorsOf(file, { must: options.floor !== undefined });
  const { threshold } = options;
  const comparison = compared(() =>
    compareRuns(base, next, { floors, ...(threshold === undefined ? {} : { threshold_ratio: threshold }) }),
  );
  if (options.json) {
    output.printJson({
      base: operands.base,
      next: operands.next,
      runs: { base: base.length, next: next.length },
      floor: file,
      ...comparison,
    });
  } else {
    const { status, why, differences } = comparison;
    const { good, bad, unsure } = output.style;
    const paint = status === "slower" ? bad : status === "same" || status === "faster" ? good : unsure;
    output.print(paint(status));
    for (const reason of why) output.print(`  ${printable(reason)}`);
    for (const difference of differences) output.print(`  differs: ${printable(difference)}`);
  }
  return exitOf(comparison);
}

function exitOf({ status }: Comparison): ExitCode {
  if (status === "slower") return exitCodes.fail;
  return status === "same" || status === "faster" ? exitCodes.ok : exitCodes.noEvidence;
}

function compared(compare: () => Comparison): Comparison {
  try {
    return compare();
  } catch (error) {
    if (!isHarnessError(error) || error.code !== "invalid_argument") throw error;
    throw new CliError("bad_arguments", error.message, { cause: error });
  }
}

/** The run of a directory, or those of the directories in it. */
async function runsIn(path: string): Promise<readonly RunRecord[]> {
  const problem = whyNoRun(path);
  if (problem === undefined) return [await readOne(path)];
  const inside = problem.startsWith("no run directory")
    ? readdirSync(path)
        .map((name) => join(path, name))
        .filter((name) => whyNoRun(name) === undefined)
    : [];
  if (inside.length === 0) throw new CliError("bad_input", `${quoteName(path)}: ${problem}`);
  return Promise.all(inside.sort().map(readOne));
}

async function readOne(path: string): Promise<RunRecord> {
  const read = await readRun(path);
  if (read.status === "ok") return read.record;
  const why = read.issues.map(({ artifact, message }) => `${artifact}: ${message}`).join("; ");
  throw new CliError("bad_input", `${quoteName(path)}: ${why}`);
}
