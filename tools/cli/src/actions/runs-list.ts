import type { RunsListCall } from "../commands/runs-list.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { asked, printAnswer } from "./runs-answer.js";

const columns = [
  "dir",
  "created_utc",
  "workload_id",
  "engine",
  "device",
  "host",
  "verdict",
  "median_step_time_s",
  "throughput_tokens_per_s",
];

/** Lists runs, the newest first. */
export async function run({ operands, options, output, signal }: RunsListCall): Promise<ExitCode> {
  const sql = `SELECT ${columns.join(", ")} FROM runs ORDER BY created_utc DESC NULLS LAST, dir`;
  printAnswer(await asked(sql, operands.folders, signal), options, output);
  return exitCodes.ok;
}
