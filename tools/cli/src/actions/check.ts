import { statSync } from "node:fs";
import { isObjectiveContractError } from "@vrx/objective-contract";
import { type Recheck, type SealCheck, checkSeal, completeRun, recheckRun } from "@vrx/objective-contract/node";
import type { CheckCall } from "../commands/check.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { printable, quoteName } from "../frame/printable.js";
import type { Style } from "../frame/style.js";
import { figure, table } from "../frame/table.js";
import { packetsOf } from "../inputs/packets.js";
import { readInput } from "../inputs/read-input.js";
import { whyNoRun } from "../inputs/run-directory.js";

/** From best to worst: a verdict that says no outweighs one that cannot say, and what was not judged outweighs all. */
const bestToWorst: readonly ExitCode[] = [
  exitCodes.ok,
  exitCodes.noEvidence,
  exitCodes.fail,
  exitCodes.disagreement,
  exitCodes.wrongInput,
];

/** Judges every run, checks every seal and prints what was found; `--json` has an array with one entry for each operand. */
export async function run({ operands, options, output }: CheckCall): Promise<ExitCode> {
  const trusted = options.trust === undefined ? [] : [await readKey(options.trust)];
  const documents: unknown[] = [];
  let worst = 0;
  for (const path of operands.runs) {
    const found = await checked(path, { complete: options.complete, trusted }, output);
    const { exit_code } = found;
    worst = Math.max(worst, bestToWorst.indexOf(exit_code));
    if (found.status === "refused") {
      output.problem(`${quoteName(path)}: ${found.problem}`);
      documents.push({ run_dir: path, exit_code, problem: found.problem });
      continue;
    }
    const { recheck, seal } = found;
    documents.push({ run_dir: path, exit_code, ...recheck, seal });
    if (options.json) continue;
    if (recheck === null) output.print(`${quoteName(path)}: ${found.what}`);
    else printRecheck(path, recheck, output);
    sealLines(seal).forEach((line) => output.print(`  ${printable(line)}`));
  }
  if (options.json) output.printJson(documents);
  return bestToWorst[worst] ?? exitCodes.defect;
}

type Checked =
  | { readonly status: "refused"; readonly exit_code: ExitCode; readonly problem: string }
  | {
      readonly status: "checked";
      readonly exit_code: ExitCode;
      readonly what: string;
      /** Null for what is sealed and no run. */
      readonly recheck: Recheck | null;
      readonly seal: SealCheck;
    };

/** One operand: a run directory with or without a seal, or a folder or a file that is sealed. */
async function checked(
  path: string,
  { complete, trusted }: { readonly complete: boolean; readonly trusted: readonly string[] },
  output: Output,
): Promise<Checked> {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const noRun = isFile ? "no run directory" : whyNoRun(path);
  if (noRun === undefined) {
    // A seal is over what is there: completing a sealed run would break it.
    const before = await sealOf(path, trusted);
    const failed = complete && before.status === "unsealed" ? await completed(path) : undefined;
    if (failed !== undefined) return refused(failed);
    const recheck = await recheckRun(path);
    return {
      exit_code: worse(exitCodeOf(recheck), sealExit(before, trusted)),
      recheck,
      seal: before,
      what: "a run",
      status: "checked",
    };
  }
  if (isFile && path.endsWith(".jsonl")) {
    const packets = await packetsOf(path, output);
    if (packets === undefined) return refused("it holds lines that are no packets");
    const seal = await sealOf(path, trusted);
    return {
      exit_code: sealExit(seal, trusted),
      seal,
      what: `${packets.length} packets`,
      recheck: null,
      status: "checked",
    };
  }
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return refused(noRun);
  const seal = await sealOf(path, trusted);
  if (seal.status === "unsealed") {
    const problem = isFile ? "expected a run directory, found a file without a seal" : noRun;
    return refused(problem);
  }
  return {
    exit_code: sealExit(seal, trusted),
    seal,
    what: isFile ? "a file" : "a folder",
    recheck: null,
    status: "checked",
  };
}

function refused(problem: string): Checked {
  return { status: "refused", exit_code: exitCodes.wrongInput, problem };
}

async function sealOf(path: string, trusted: readonly string[]): Promise<SealCheck> {
  try {
    return await checkSeal(path, { trusted });
  } catch (error) {
    if (isObjectiveContractError(error) && error.code === "invalid_option") {
      throw new CliError("bad_input", `--trust: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

async function readKey(name: string): Promise<string> {
  const input = await readInput(name, 64 * 1024);
  if (input.status === "failed") throw new CliError("bad_input", `--trust: ${name}: ${input.reason}`);
  return new TextDecoder().decode(input.bytes);
}

function worse(a: ExitCode, b: ExitCode): ExitCode {
  return bestToWorst.indexOf(a) >= bestToWorst.indexOf(b) ? a : b;
}

/** Whoever names a key wants to see a seal by it: none is a lack of evidence. */
function sealExit(seal: SealCheck, trusted: readonly string[]): ExitCode {
  if (seal.status === "broken") return exitCodes.disagreement;
  return seal.status === "unsealed" && trusted.length > 0 ? exitCodes.noEvidence : exitCodes.ok;
}

function sealLines(seal: SealCheck): readonly string[] {
  if (seal.status === "unsealed")
    return ["not sealed: a change of all artifacts that agrees with itself would not be found"];
  if (seal.status === "broken") return seal.problems.map((problem) => `the seal is broken: ${problem}`);
  const { files, keyid, trusted, sealed_utc } = seal;
  const whose = trusted ? "which is trusted" : "which nobody vouches for here (--trust FILE)";
  return [`sealed: ${files} files, at ${sealed_utc}, with key ${keyid}, ${whose}`];
}

/** Completes a run that was never finished, and changes no other; says why where it cannot write. */
async function completed(run_dir: string): Promise<string | undefined> {
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
