import { commonOptions } from "../frame/common-options.js";
import type { CommandDefinition, GroupDefinition, Operand } from "../frame/define-command.js";
import type { Completes } from "../frame/options.js";

/** An option as a shell needs it. */
export interface OptionEntry {
  /** With their dashes: `--out`, `-o`. */
  readonly words: readonly string[];
  readonly summary: string;
  /** What its value is; undefined for a flag. */
  readonly value?: { readonly name: string; readonly completes: Completes; readonly values: readonly string[] };
}

/** A command, a group or `vrx` itself as a shell needs it. */
export interface CommandEntry {
  /** The words after `vrx`; none for `vrx` itself. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly OptionEntry[];
  readonly operands: readonly Operand[];
  /** Whether a command line of another program may follow `--`. */
  readonly rest: boolean;
}

/** Every place of the tree a command line can be at, `vrx` first. */
export function completionEntries(tree: readonly (CommandDefinition | GroupDefinition)[]): readonly CommandEntry[] {
  const shown = tree.filter((entry) => entry.kind === "group" || entry.hidden !== true);
  const root = group([], "vrx", shown, [{ words: ["-V", "--version"], summary: "print the version" }, ...common]);
  return [
    root,
    ...shown.flatMap((entry) =>
      entry.kind === "command"
        ? [command([entry.name], entry)]
        : [
            group([entry.name], entry.summary, entry.commands, common),
            ...entry.commands.map((sub) => command([entry.name, sub.name], sub)),
          ],
    ),
  ];
}

const common = Object.values(commonOptions).map(({ flags, summary }): OptionEntry => ({
  words: flags.split(", "),
  summary,
}));

const help: OptionEntry = { words: ["-h", "--help"], summary: "print the help" };

function group(
  path: readonly string[],
  summary: string,
  commands: readonly { readonly name: string; readonly summary: string }[],
  options: readonly OptionEntry[],
): CommandEntry {
  return { path, summary, commands, options: [...options, help], operands: [], rest: false };
}

function command(path: readonly string[], definition: CommandDefinition): CommandEntry {
  const own = Object.entries(definition.options).map(([name, option]): OptionEntry => {
    const words = [...(option.short === undefined ? [] : [`-${option.short}`]), `--${name}`];
    if (option.kind === "flag") return { words, summary: option.summary };
    const value = { name: option.placeholder, completes: option.completes, values: option.values ?? [] };
    return { words, summary: option.summary, value };
  });
  return {
    path,
    summary: definition.summary,
    commands: [],
    options: [...own, ...common, help],
    operands: Object.values(definition.operands),
    rest: definition.rest !== undefined,
  };
}
