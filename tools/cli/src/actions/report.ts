import { type AntRatioPacket, isAntRatioError } from "@vrx/ant-ratio";
import {
  type ReportOptions,
  type RunDetails,
  latexTable,
  renderChart,
  renderReport,
  reportCsv,
  writeWhole,
} from "@vrx/ant-ratio/report";
import type { ReportCall } from "../commands/report.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { isSystemError, systemReason } from "../frame/failures.js";
import { quoteName } from "../frame/printable.js";
import { detailsOf, packetsOf } from "../inputs/packets.js";
import { priceTableOf } from "../inputs/price-table.js";

/** Reads every packet, draws everything that was asked for, and only then writes the files. */
export async function run({ operands, options, output }: ReportCall): Promise<ExitCode> {
  const { out = "report.html", svg, png, csv, latex, title, x, y } = options;
  const packets: AntRatioPacket[] = [];
  const details = new Map<AntRatioPacket, RunDetails>();
  const sources = new Map<AntRatioPacket, string>();
  let wrong = false;
  for (const name of operands.packets) {
    const read = await packetsOf(name, output);
    if (read === undefined) wrong = true;
    else {
      packets.push(...read);
      for (const [packet, detail] of await detailsOf(read, name)) details.set(packet, detail);
      if (operands.packets.length > 1) for (const packet of read) sources.set(packet, name);
    }
  }
  if (wrong) return exitCodes.wrongInput;
  const prices = options.prices === undefined ? undefined : await priceTableOf(options.prices);
  const report: ReportOptions = {
    details,
    sources,
    ...(title === undefined ? {} : { title }),
    ...(x === undefined ? {} : { x }),
    ...(y === undefined ? {} : { y }),
    ...(prices === undefined ? {} : { prices }),
  };
  const files = await drawn(async () => [
    [out, renderReport(packets, report)],
    ...(svg === undefined ? [] : [[svg, await renderChart(packets, "frontier", "svg", report)] as const]),
    ...(png === undefined ? [] : [[png, await renderChart(packets, "frontier", "png", report)] as const]),
    ...(csv === undefined ? [] : [[csv, reportCsv(packets, report)] as const]),
    ...(latex === undefined ? [] : [[latex, latexTable(packets, report)] as const]),
  ]);
  for (const [name, content] of files) await write(name, content);
  const names = files.map(([name]) => name);
  if (options.json) output.printJson({ packets: packets.length, with_details: details.size, files: names });
  else {
    output.note(`${packets.length} packets, ${details.size} of them with their steps and gates`);
    names.forEach((name) => output.print(quoteName(name)));
  }
  return exitCodes.ok;
}

type File = readonly [name: string, content: string | Uint8Array];

/** What the user can mend, an unknown axis or a package that is missing, is told as such. */
async function drawn(draw: () => Promise<readonly File[]>): Promise<readonly File[]> {
  try {
    return await draw();
  } catch (error) {
    if (!isAntRatioError(error)) throw error;
    const code = error.code === "missing_peer" ? "bad_environment" : "bad_arguments";
    throw new CliError(code, error.message, { cause: error });
  }
}

async function write(name: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeWhole(name, content);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new CliError("bad_environment", `cannot write ${name}: ${systemReason(error)}`, { cause: error });
  }
}
