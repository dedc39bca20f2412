import { existsSync } from "node:fs";
import { auditFiles, verifyAuditLog } from "@vrx/vram-residency";
import { isAuditAnchor } from "@vrx/vram-residency/verify";
import type { ResidencyAuditCall } from "../commands/residency-audit.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";

/** Verifies an audit log over all its files. */
export async function run({ operands: { file }, options, output }: ResidencyAuditCall): Promise<ExitCode> {
  const [seq, hash] = (options.anchor ?? "").split(":");
  const anchor = { seq: Number(seq), hash };
  if (options.anchor !== undefined && !isAuditAnchor(anchor)) {
    throw new CliError(
      "bad_arguments",
      `--anchor: expected SEQ:HASH as this command prints it, found ${JSON.stringify(options.anchor)}`,
    );
  }
  if (!existsSync(file)) throw new CliError("bad_input", `${file}: no such file`);
  const verdict = await Promise.resolve(
    verifyAuditLog(file, options.anchor === undefined || !isAuditAnchor(anchor) ? {} : { anchor }),
  );
  if (options.json) output.printJson({ files: auditFiles(file), ...verdict });
  if (verdict.status === "broken") {
    if (!options.json)
      output.error(`${file}: line ${verdict.line} of the chain: ${verdict.problem}: ${verdict.message}`);
    return exitCodes.disagreement;
  }
  if (!options.json) {
    output.print(`${quoteName(file)} intact: ${verdict.lines} lines in ${auditFiles(file).length} files`);
    output.print(`head ${verdict.head.seq}:${verdict.head.hash}`);
    if (options.anchor === undefined)
      output.note("without --anchor nobody can tell whether lines are missing at the end");
  }
  return exitCodes.ok;
}
