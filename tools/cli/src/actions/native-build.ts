import { spawnSync } from "node:child_process";
import type { NativeBuildCall } from "../commands/native-build.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { type NativeAddon, nativeAddons } from "../inputs/native-addons.js";
import { type AddonResult, addonsDocument, printAddon } from "./native-info.js";

/** Compiles the addons that do not load, or all with `--force`, and says which load now. */
export function run({ options, output }: NativeBuildCall): ExitCode {
  const results: AddonResult[] = [];
  let failed = false;
  for (const addon of nativeAddons()) {
    const there = options.force ? undefined : addon.load();
    if (there?.status === "loaded") {
      output.note(`${addon.name} loads as it is: ${there.file}`);
    } else if (!compile(addon, output)) {
      failed = true;
    }
    results.push({ addon, state: addon.load() });
  }
  if (options.json) output.printJson(addonsDocument(results));
  else for (const { addon, state } of results) printAddon(addon, state, output);
  const whole = !failed && results.every(({ state }) => state.status === "loaded");
  return whole ? exitCodes.ok : exitCodes.wrongInput;
}

/** Runs the package's own build script; its words go to stderr. */
function compile(addon: NativeAddon, output: Output): boolean {
  output.note(`compiling ${addon.name} (${addon.package})`);
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [addon.build_script, "--required"], {
    encoding: "utf8",
  });
  const lines = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  if (status === 0) {
    for (const line of lines) output.detail(line);
    return true;
  }
  for (const line of lines) output.problem(line);
  if (error !== undefined) output.problem(error.message);
  output.error(`${addon.package} was not compiled`);
  return false;
}
