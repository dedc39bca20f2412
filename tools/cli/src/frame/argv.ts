import type { CommandDefinition, GroupDefinition } from "./define-command.js";

type CommandTree = readonly (CommandDefinition | GroupDefinition)[];

/** `vrx help X` is `vrx X --help`, and `vrx --version` a command like the others. */
export function normalized(argv: readonly string[], tree: CommandTree): readonly string[] {
  if (argv[0] === "help") return normalized([...argv.slice(1), "--help"], tree);
  const words = argv.findIndex((word) => !word.startsWith("-"));
  const leading = words === -1 ? argv : argv.slice(0, words);
  const isVersion = (word: string): boolean => word === "-V" || word === "--version";
  if (leading.some(isVersion)) return ["version", ...argv.filter((word) => !isVersion(word))];
  // The help of a command that is not there would be that of all of them.
  return words === -1 || named(argv, tree) !== undefined
    ? argv
    : argv.filter((word) => word !== "-h" && word !== "--help");
}

/** Takes off what follows `--` when the command named before it declares `rest`. */
export function splitRest(
  argv: readonly string[],
  tree: CommandTree,
): { readonly words: readonly string[]; readonly rest?: readonly string[] } {
  const dashes = argv.indexOf("--");
  const command = named(argv.slice(0, Math.max(0, dashes)), tree);
  if (command?.kind !== "command" || command.rest === undefined) return { words: argv };
  return { words: argv.slice(0, dashes), rest: argv.slice(dashes + 1) };
}

/** The command or the group of commands that the words name. */
function named(argv: readonly string[], tree: CommandTree): CommandDefinition | GroupDefinition | undefined {
  const [first, second] = argv.filter((word) => !word.startsWith("-"));
  const entry = tree.find(({ name }) => name === first);
  return entry?.kind === "group" && second !== undefined ? entry.commands.find(({ name }) => name === second) : entry;
}
