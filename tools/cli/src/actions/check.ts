import { isObjectiveContractError } from "@vrx/objective-contract";
import { type Recheck, completeRun, recheckRun } from "@vrx/objective-contract/node";
import type { CheckCall } from "../commands/check.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { printable, quoteName } from "../frame/printable.js";
import type { Style } from "../frame/style.js";
import { figure, table } from "../frame/table.js";
import { whyNoRun } from "../inputs/run-directory.js";

/** From best to worst: a verdict that says no outweighs one that cannot say, and what was not judged outweighs all. */
const bestToWorst: readonly ExitCode[] = [
  exitCodes.ok,
  exitCodes.noEvidence,
  exitCodes.fail,
  exitCodes.disagreement,
  exitCodes.wrongInput,
];

/** Judges every run and prints what was found; `--json` has an array with one entry for each directory. */
export async function run({ operands, options, output }: CheckCall): Promise<ExitCode> {
  const documents: unknown[] = [];
  let worst = 0;
  for (const run_dir of operands.runs) {
    const problem = whyNoRun(run_dir) ?? (options.complete ? await complete(run_dir) : undefined);
    const recheck = problem === undefined ? await recheckRun(run_dir) : undefined;
    const exit_code = recheck === undefined ? exitCodes.wrongInput : exitCodeOf(recheck);
    worst = Math.max(worst, bestToWorst.indexOf(exit_code));
    if (recheck === undefined) output.problem(`${quoteName(run_dir)}: ${problem ?? ""}`);
    else if (!options.json) printRecheck(run_dir, recheck, output);
    documents.push({ run_dir, exit_code, ...(recheck ?? { problem }) });
  }
  if (options.json) output.printJson(documents);
  return bestToWorst[worst] ?? exitCodes.defect;
}

/** Completes a run that was never finished, and changes no other; says why where it cannot write. */
async function complete(run_dir: string): Promise<string | undefined> {
  try {
    await completeRun(run_dir, { status: "interrupted", stop_reason: "process_gone" });
    return undefined;
  } catch (error) {
    if (!isObjectiveContractError(error)) throw error;
    // What is unusable about a run, checking it says better.
    return error.code === "run_unusable" ? undefined : error.message;
  }
}

function exitCodeOf({ verdict, disagreements }: Recheck): ExitCode {
  if (disagreements.length > 0) return exitCodes.disagreement;
  if (verdict.status === "pass") return exitCodes.ok;
  return verdict.status === "fail" ? exitCodes.fail : exitCodes.noEvidence;
}

function printRecheck(run_dir: string, recheck: Recheck, output: Output): void {
  const { verdict, recorded, disagreements, torn_last_line } = recheck;
  const { style } = output;
  const { level, missing } = verdict.evidence;
  const said = (line: string): void => output.print(`  ${printable(line)}`);

  output.print(`${quoteName(run_dir)}: ${paint(verdict.status, style)}`);
  said(`contract ${verdict.contract}, evidence ${level ?? "none"}`);
  if (level !== "E2") for (const reason of missing) said(`not ${level === "E1" ? "E2" : "evidence"}: ${reason}`);
  if (recorded === null)
    said("no verdict is recorded; if nothing measures there any more, --complete finishes the run");
  else if (recorded.status !== verdict.status) said(`recorded as ${recorded.status ?? "something else"}`);
  if (torn_last_line) said("the last line of samples.jsonl is cut off; that step is not counted");

  for (const reason of verdict.fail_reasons) said(`failed: ${reason}`);
  // The disagreements themselves come below, and say more.
  const invalid = verdict.invalid_reasons.filter(({ code }) => code !== "artifacts_disagree");
  for (const { code, message } of invalid) said(`invalid: ${code}: ${message}`);
  for (const { code, message } of verdict.inconclusive_reasons) said(`inconclusive: ${code}: ${message}`);
  for (const { artifact, field, recorded: found, recomputed } of disagreements) {
    said(`${artifact} ${field}: recorded ${JSON.stringify(found)}, computed ${JSON.stringify(recomputed)}`);
  }
  if (verdict.gates.length === 0) return;
  const rows = verdict.gates.map(({ gate, outcome, value, limit, unit, reason }) => [
    gate,
    outcome,
    figure(value),
    figure(limit),
    unit ?? "",
    reason,
  ]);
  for (const line of table([["gate", "outcome", "value", "limit", "unit", "reason"], ...rows])) said(line);
}

function paint(status: Recheck["verdict"]["status"], style: Style): string {
  if (status === "pass") return style.good(status);
  return status === "fail" ? style.bad(status) : style.unsure(status);
}
