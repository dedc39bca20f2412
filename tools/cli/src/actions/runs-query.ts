import type { RunsQueryCall } from "../commands/runs-query.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { asked, printAnswer } from "./runs-answer.js";

/** Answers one SELECT. */
export async function run({ operands, options, output, signal }: RunsQueryCall): Promise<ExitCode> {
  printAnswer(await asked(operands.sql, operands.folders, signal), options, output);
  return exitCodes.ok;
}
