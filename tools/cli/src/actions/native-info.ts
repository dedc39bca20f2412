import type { NativeInfoCall } from "../commands/native-info.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { printable } from "../frame/printable.js";
import { type AddonState, type NativeAddon, nativeAddons } from "../inputs/native-addons.js";

/** Says which addons load here. Exit code 0, whatever it is. */
export function run({ options, output }: NativeInfoCall): ExitCode {
  const states = nativeAddons().map((addon) => ({ addon, state: addon.load() }));
  if (options.json) output.printJson(addonsDocument(states));
  else for (const { addon, state } of states) printAddon(addon, state, output);
  return exitCodes.ok;
}

/** An addon and whether it loads. */
export interface AddonResult {
  readonly addon: NativeAddon;
  readonly state: AddonState;
}

/** The document of `--json`. */
export function addonsDocument(results: readonly AddonResult[]): object {
  return {
    platform: `${process.platform}-${process.arch}`,
    addons: results.map(({ addon, state }) => ({
      name: addon.name,
      package: addon.package,
      does: addon.does,
      ...state,
    })),
  };
}

/** A line for an addon, and one with what to do where it does not load. */
export function printAddon(addon: NativeAddon, state: AddonState, output: Output): void {
  if (state.status === "loaded") {
    output.print(printable(`${addon.name}: ${state.origin}, ${state.file} (${addon.does})`));
    return;
  }
  output.print(printable(`${addon.name}: not there (${addon.does}): ${state.message}`));
  output.print(printable(`  ${state.fix}`));
}
