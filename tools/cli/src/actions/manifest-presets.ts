import { readFileSync } from "node:fs";
import type { ManifestPresetsCall } from "../commands/manifest-presets.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { manifestText, presetFiles } from "../inputs/manifest-source.js";

/** Lists the presets, or prints one. */
export async function run({ operands, options, output }: ManifestPresetsCall): Promise<ExitCode> {
  if (operands.name !== undefined) {
    output.printRaw((await manifestText(`preset:${operands.name.replace(/^preset:/, "")}`)).text);
    return exitCodes.ok;
  }
  const presets = [...presetFiles()].map(([name, file]) => ({ name, notes: notesOf(readFileSync(file, "utf8")) }));
  if (options.json) output.printJson(presets);
  else for (const { name, notes } of presets) output.print(`${name.padEnd(26)} ${notes}`);
  return exitCodes.ok;
}

/** Presets have their notes in one line. */
const notesOf = (text: string): string => /^notes: (.*)$/m.exec(text)?.[1] ?? "";
