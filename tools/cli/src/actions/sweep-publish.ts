import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { isAntRatioError } from "@vrx/ant-ratio";
import { type SiteSource, publishSite } from "@vrx/ant-ratio/report";
import type { SweepPublishCall } from "../commands/sweep-publish.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { packetsOf } from "../inputs/packets.js";

/** Reads the packets of every sweep, and writes the site only where all of them can be read. */
export async function run({ operands, options, output }: SweepPublishCall): Promise<ExitCode> {
  const { out = "site", title } = options;
  const sources: SiteSource[] = [];
  for (const dir of operands.sweeps) {
    const packets = await packetsOf(join(dir, "packets.jsonl"), output);
    if (packets !== undefined) sources.push({ tag: await sweepName(dir), packets });
  }
  if (sources.length < operands.sweeps.length) return exitCodes.wrongInput;
  const site = await publishSite(sources, out, {
    as_is: options["as-is"],
    ...(title === undefined ? {} : { title }),
    ...(options["without-pictures"] ? { pictures: false } : {}),
  }).catch((error: unknown) => {
    if (!isAntRatioError(error)) throw error;
    const code = error.code === "write_failed" ? "bad_environment" : "bad_input";
    throw new CliError(code, error.message, { cause: error });
  });
  if (options.json) output.printJson({ out, ...site });
  else {
    output.note(
      `${site.sweeps} sweeps, ${site.packets} packets; ${site.written.length} of ${site.files.length} files changed`,
    );
    if (site.no_pictures !== null && !options["without-pictures"]) output.warn(`no pictures: ${site.no_pictures}`);
    output.print(quoteName(join(out, "index.html")));
  }
  return exitCodes.ok;
}

/** The name in the folder's `sweep.json`, or the folder's own. */
async function sweepName(dir: string): Promise<string> {
  const folder = basename(resolve(dir));
  try {
    const sweep: unknown = JSON.parse(await readFile(join(dir, "sweep.json"), "utf8"));
    const named = typeof sweep === "object" && sweep !== null && "name" in sweep ? sweep.name : null;
    return typeof named === "string" && named.trim() !== "" ? named : folder;
  } catch {
    return folder;
  }
}
