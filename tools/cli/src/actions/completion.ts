import { presets } from "@vrx/workload-schema";
import { type CompletionCall, shells } from "../commands/completion.js";
import { commandTree } from "../commands/index.js";
import { bashCompletion } from "../completion/bash.js";
import { completionEntries } from "../completion/entries.js";
import { fishCompletion } from "../completion/fish.js";
import { zshCompletion } from "../completion/zsh.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { oneOf } from "../frame/one-of.js";

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** Prints the completion script of a shell, made from the declared commands. */
export function run({ operands, output }: CompletionCall): ExitCode {
  const shell = oneOf(operands.shell, shells);
  output.printRaw(scripts[shell](completionEntries(commandTree), Object.keys(presets)));
  return exitCodes.ok;
}
