import { createRequire } from "node:module";
import { dirname } from "node:path";
import { makeBundle } from "../bundle/make-bundle.js";
import type { BundleCall } from "../commands/bundle.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";

/** Writes the bundle and says what is in it. */
export async function run({ options, output, signal }: BundleCall): Promise<ExitCode> {
  const out = options.out ?? "vrx-bundle.tar.gz";
  if (out === "-") throw new CliError("bad_arguments", "--out: expected a file for the archive, found `-`");
  const extra = (options.with ?? "").split(",").filter((name) => name !== "");
  output.progress().update("packing vrx");
  const bundle = await makeBundle({ out, cli: cliFolder(), extra, signal });
  output.progress().clear();
  if (bundle.needs_libraries.length > 0) {
    output.warn(
      `this Node wants ${bundle.needs_libraries.join(", ")}, which other hosts may lack; ` +
        "make the bundle with an official build of Node (https://nodejs.org) to be sure",
    );
  }
  if (options.json) {
    output.printJson({ ...bundle });
    return exitCodes.ok;
  }
  const mib = (bundle.bytes / 1024 ** 2).toFixed(1);
  output.print(`${out}  ${mib} MiB, ${bundle.packages.length} packages, Node ${bundle.node}, ${bundle.platform}`);
  output.print(`sha256:${bundle.sha256}`);
  return exitCodes.ok;
}

function cliFolder(): string {
  return dirname(createRequire(import.meta.url).resolve("@vrx/cli/package.json"));
}
