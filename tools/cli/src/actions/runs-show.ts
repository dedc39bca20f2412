import { resolve } from "node:path";
import type { RunsShowCall } from "../commands/runs-show.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { asked, printAnswer, printRecords, quoted } from "./runs-answer.js";

/** Shows every column of each run that is meant. */
export async function run({ operands, options, output, signal }: RunsShowCall): Promise<ExitCode> {
  const { run: name } = operands;
  const place = resolve(name);
  const meant = [
    `dir = ${quoted(place)}`,
    `ends_with(dir, ${quoted(`/${name.replace(/^\/+|\/+$/g, "")}`)})`,
    ...(name.length >= 8
      ? [`starts_with(workload_id, ${quoted(name)})`, `starts_with(workload_digest, ${quoted(name)})`]
      : []),
  ];
  const short = options.json ? "*" : "* EXCLUDE (metrics, command, env)";
  const sql = `SELECT ${short} FROM runs WHERE ${meant.join(" OR ")} ORDER BY dir`;
  // A run directory that is named is looked at wherever it is.
  const answer = await asked(sql, [...operands.folders], signal, place);
  if (answer.rows.length === 0)
    throw new CliError("bad_input", `${name}: no run directory, and no run of such a workload`);
  if (options.json || options.csv) printAnswer(answer, options, output);
  else printRecords(answer, output);
  return exitCodes.ok;
}
