import { join } from "node:path";
import { openStore, writeSweepReport } from "@vrx/harness";
import type { SweepReportCall } from "../commands/sweep-report.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { sweepOf } from "../inputs/sweep-file.js";
import { packetLines } from "./sweep-lines.js";

/** Writes the report of the results that are there. */
export async function run({ operands, options, output }: SweepReportCall): Promise<ExitCode> {
  const { sweep, configurations, dir } = await sweepOf(operands.sweep, options.out, {
    here: false,
    fake: options["fake-driver"],
    output,
  });
  const store = await openStore(join(dir, "store"));
  try {
    const report = await writeSweepReport(sweep, configurations, store, dir);
    if (options.json)
      output.printJson({ name: sweep.name, out: dir, packets: report.packets.length, files: report.files });
    else {
      packetLines(report).forEach((line) => output.print(line));
      output.print(`report: ${quoteName(join(dir, "report.html"))}`);
    }
    return exitCodes.ok;
  } finally {
    await store.close();
  }
}
