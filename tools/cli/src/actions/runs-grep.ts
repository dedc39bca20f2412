import type { RunsGrepCall } from "../commands/runs-grep.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { asked, printAnswer, quoted } from "./runs-answer.js";

const documents = [
  ["runs", "dir", "metrics"],
  ["runs", "dir", "command"],
  ["runs", "dir", "env"],
  ["packets", "file", "packet"],
  ["reports", "dir", "report"],
  ["trials", "dir", "result"],
] as const;

/** Finds values in every document, by the text `key=value`. */
export async function run({ operands, options, output, signal }: RunsGrepCall): Promise<ExitCode> {
  const parts = documents.map(
    ([table, place, document]) =>
      `SELECT ${place} AS place, '${document}' AS document, leaf.fullkey AS path, leaf.atom AS value
       FROM ${table}, json_tree(${document}) leaf
       WHERE leaf.atom IS NOT NULL AND regexp_matches(leaf.key || '=' || (leaf.atom->>'$'), ${quoted(operands.pattern)})`,
  );
  const answer = await asked(`${parts.join(" UNION ALL ")} ORDER BY place, document, path`, operands.folders, signal);
  printAnswer(answer, options, output);
  return answer.rows.length === 0 ? exitCodes.fail : exitCodes.ok;
}
