import { release } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import type { VersionCall } from "../commands/version.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";

/** Prints the version of vrx, or with `--json` also those of what it runs on. */
export function run({ options, output }: VersionCall): ExitCode {
  if (!options.json) {
    output.print(manifest.version);
    return exitCodes.ok;
  }
  output.printJson({
    vrx: manifest.version,
    node: process.versions.node,
    v8: process.versions.v8,
    platform: process.platform,
    arch: process.arch,
    os_release: release(),
  });
  return exitCodes.ok;
}
