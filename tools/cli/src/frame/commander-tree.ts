import { Command, CommanderError } from "commander";
import { CliError } from "./cli-error.js";
import { commonOptions } from "./common-options.js";
import type { CommandDefinition, Example, GroupDefinition, OperandSet } from "./define-command.js";
import { jsonText } from "./json-text.js";
import type { OptionSet } from "./options.js";

/** What was found on the command line: which command, and its words and options as text. */
export interface Parsed {
  readonly command: CommandDefinition;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly common: CommonValues;
}

/** The options every command has, wherever they were written. */
export interface CommonValues {
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
  readonly progress: boolean;
}

/** Help was asked for and printed: nothing else is to be done. */
export interface HelpShown {
  readonly command: "help";
}

/** The parser of a tree of commands; help goes through `print`. Throws a {@link CliError} for a wrong command line. */
export function createParser(
  tree: readonly (CommandDefinition | GroupDefinition)[],
  about: string,
  print: (text: string) => void,
): { readonly root: Command; parse(argv: readonly string[]): Parsed | HelpShown } {
  let parsed: Parsed | undefined;
  const root = prepared(new Command("vrx"), print)
    .description(about)
    .usage("COMMAND ...")
    .option("-V, --version", "print the version; with --json those of everything it runs on")
    .enablePositionalOptions();
  addCommonOptions(root);
  const all = tree.flatMap((entry) => (entry.kind === "command" ? [[entry]] : [entry.commands]));
  root.addHelpText("after", `\n${examplesText(firstExamples(all))}\n\n\`vrx COMMAND --help\` says more about each.`);

  const add = (parent: Command, definition: CommandDefinition): void => {
    const command = prepared(parent.command(definition.name, { hidden: definition.hidden === true }), print);
    describe(command, definition);
    command.action(() => {
      parsed = {
        command: definition,
        words: command.args,
        options: byLongName(definition.options, command.opts()),
        common: commonValues([command, parent, root].map((place) => place.opts())),
      };
    });
  };
  for (const definition of tree) {
    if (definition.kind === "command") add(root, definition);
    else {
      const group = prepared(root.command(definition.name), print).summary(definition.summary);
      group.description(`${capitalized(definition.summary)}.`).usage("COMMAND ...");
      addCommonOptions(group);
      group.addHelpText("after", `\n${examplesText(firstExamples(definition.commands.map((command) => [command])))}`);
      for (const command of definition.commands) add(group, command);
    }
  }

  return {
    root,
    parse(argv) {
      try {
        root.parse(argv, { from: "user" });
      } catch (error) {
        if (error instanceof CommanderError) return { command: "help" };
        throw error;
      }
      if (parsed === undefined) throw new Error("the parser ended without a command");
      return parsed;
    },
  };
}

function prepared(command: Command, print: (text: string) => void): Command {
  return command
    .helpCommand(false)
    .configureHelp({ helpWidth: 100, subcommandTerm: (sub) => sub.name() })
    .configureOutput({ writeOut: print, writeErr: () => undefined, outputError: () => undefined })
    .exitOverride((error) => {
      throw translated(error, command);
    });
}

/** Help that was asked for ends the parsing with exit code 0 and passes as it is; the rest is a wrong command line. */
function translated(error: CommanderError, command: Command): Error {
  if (error.exitCode === 0) return error;
  const path = commandPath(command);
  const message =
    error.code === "commander.help"
      ? `expected a command after \`${path}\`: ${command.commands.map((sub) => sub.name()).join(", ")}`
      : error.message.replace(/^error: /, "").replace("\n(Did you mean ", " (did you mean ");
  return new CliError("bad_arguments", `${message}\n\`${path} --help\` shows what it takes`, { cause: error });
}

function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}

function describe(command: Command, definition: CommandDefinition): void {
  command.summary(definition.summary).description(definition.description ?? `${capitalized(definition.summary)}.`);
  addOperands(command, definition.operands);
  addOptions(command, definition.options);
  addCommonOptions(command);
  const words = Object.values(definition.operands).map(operandUsage);
  const rest = definition.rest === undefined ? [] : [`[-- ${definition.rest}]`];
  command.usage([...words, "[OPTION...]", ...rest].join(" "));
  const exits = Object.entries(definition.exits ?? {}).map(([code, meaning]) => `\n  ${code}  ${meaning}`);
  const exitText = exits.length > 0 ? `\n\nExit codes:${exits.join("")}` : "";
  command.addHelpText("after", `\n${examplesText(definition.examples)}${exitText}`);
}

/** One example for each list of commands. */
function firstExamples(lists: readonly (readonly CommandDefinition[])[]): readonly Example[] {
  return lists.flatMap(([first]) => (first === undefined ? [] : [first.examples[0]]));
}

function examplesText(examples: readonly Example[]): string {
  return ["Examples:", ...examples.map(({ does, line }) => `  ${does}:\n    ${line}`)].join("\n");
}

function operandUsage({ name, count }: OperandSet[string]): string {
  if (count === "any") return `[${name}...]`;
  return count === "one" ? name : count === "many" ? `${name}...` : `[${name}]`;
}

function addOperands(command: Command, operands: OperandSet): void {
  for (const { name, summary, count } of Object.values(operands)) {
    const many = count === "many" || count === "any" ? "..." : "";
    const syntax = count === "one" || count === "many" ? `<${name}${many}>` : `[${name}${many}]`;
    command.argument(syntax, summary);
  }
}

function addOptions(command: Command, options: OptionSet): void {
  for (const [name, option] of Object.entries(options)) {
    const short = option.short === undefined ? "" : `-${option.short}, `;
    const value = option.kind === "flag" ? "" : ` <${option.placeholder}>`;
    const fallback =
      option.kind === "value" && option.fallback !== undefined
        ? ` (default: ${jsonText(option.fallback).replaceAll('"', "")})`
        : "";
    const flags = `${short}--${name}${value}`;
    if (option.kind === "value" && option.repeats === true) {
      const collect = (given: string, before: readonly string[] | undefined): readonly string[] => [
        ...(before ?? []),
        given,
      ];
      command.option(flags, option.summary, collect);
    } else command.option(flags, `${option.summary}${fallback}`);
  }
}

/** Commander keeps `--measure-steps` as `measureSteps`. */
function byLongName(set: OptionSet, found: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const attribute = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.keys(set).map((name) => [name, found[attribute(name)]]));
}

function addCommonOptions(command: Command): void {
  command.optionsGroup("Common options:").helpOption("-h, --help", "print this help");
  for (const { flags, summary } of Object.values(commonOptions)) command.option(flags, summary);
}

function commonValues(places: readonly Readonly<Record<string, unknown>>[]): CommonValues {
  const given = (name: string, value: boolean): boolean => places.some((place) => place[name] === value);
  return {
    quiet: given("quiet", true),
    verbose: given("verbose", true),
    color: !given("color", false),
    progress: !given("progress", false),
  };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
