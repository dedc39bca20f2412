import { createReadStream } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { type AntRatioPacket, readPackets } from "@vrx/ant-ratio";
import { type RunDetails, readRunDetails } from "@vrx/ant-ratio/report";
import { CliError } from "../frame/cli-error.js";
import { isSystemError, systemReason } from "../frame/failures.js";
import type { Output } from "../frame/output.js";
import { quoteName } from "../frame/printable.js";

// More would fill a terminal and say nothing new.
const most_problems = 20;

/**
 * The packets of a file of JSON lines, or of standard input for `-`. Says of every line that holds no packet what is
 * wrong with it and where, and returns undefined then. Throws a {@link CliError} where the file cannot be read.
 */
export async function packetsOf(name: string, output: Output): Promise<readonly AntRatioPacket[] | undefined> {
  const packets: AntRatioPacket[] = [];
  let problems = 0;
  const source = name === "-" ? process.stdin : createReadStream(name);
  try {
    for await (const read of readPackets(source)) {
      if (read.status === "ok") packets.push(read.packet);
      else {
        for (const { line, column, message } of read.issues) {
          if (problems++ >= most_problems) continue;
          output.problem(`${quoteName(name)}:${line}${column === null ? "" : `:${column}`}: ${message}`);
        }
      }
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new CliError("bad_input", `cannot read ${name}: ${systemReason(error)}`, { cause: error });
  }
  if (problems > most_problems) output.problem(`${quoteName(name)}: and ${problems - most_problems} more problems`);
  return problems === 0 ? packets : undefined;
}

/** The runs that packets of a file name as their probes, where they are still there: relative to the file, or to here. */
export async function detailsOf(
  packets: readonly AntRatioPacket[],
  file: string,
): Promise<readonly (readonly [AntRatioPacket, RunDetails])[]> {
  const found: (readonly [AntRatioPacket, RunDetails])[] = [];
  for (const packet of packets) {
    const root = packet.probe_run_root;
    if (root === null || root === "") continue;
    const places = isAbsolute(root) || file === "-" ? [root] : [join(dirname(file), root), root];
    for (const place of places) {
      const details = await readRunDetails(place);
      if (details === null) continue;
      found.push([packet, details]);
      break;
    }
  }
  return found;
}
