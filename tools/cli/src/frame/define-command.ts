import { CliError } from "./cli-error.js";
import type { ExitCode } from "./exit-codes.js";
import { type Completes, type OptionSet, type OptionValues, optionValues } from "./options.js";
import type { Output } from "./output.js";

/** A word of the command line that is no option. */
export interface Operand {
  /** In capitals, as the help shows it. */
  readonly name: string;
  readonly summary: string;
  readonly count: "one" | "optional" | "many" | "any";
  readonly completes: Completes;
  readonly values?: readonly string[] | undefined;
}

/** Operands by the name the action knows them under, in the order of the command line; only the last may be `many` or `any`. */
export type OperandSet = Readonly<Record<string, Operand>>;

/** What an action gets for an {@link OperandSet}. */
export type OperandValues<A extends OperandSet> = {
  readonly [K in keyof A]: A[K]["count"] extends "many"
    ? readonly [string, ...string[]]
    : A[K]["count"] extends "any"
      ? readonly string[]
      : A[K]["count"] extends "optional"
        ? string | undefined
        : string;
};

/** What a call brings besides operands and options. */
export interface CallContext {
  /** The words after `--`, for a command that declares `rest`; undefined when there is no `--`. */
  readonly rest: readonly string[] | undefined;
  readonly output: Output;
  /** Aborted by SIGINT, SIGTERM or SIGHUP, for a command that declares `interruptible`. */
  readonly signal: AbortSignal;
}

/** One call of a command, as its action gets it. */
export interface Call<A extends OperandSet, O extends OptionSet> extends CallContext {
  readonly operands: OperandValues<A>;
  readonly options: OptionValues<O>;
}

/** The call that the action of a command with these operands and options gets. */
export type CallOf<C extends { readonly operands: OperandSet; readonly options: OptionSet }> = Call<
  C["operands"],
  C["options"]
>;

/** A call as the parser found it: the operands in order, the options by their long name. */
export interface RawCall extends CallContext {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** An example for the help: what it does, and the command line without the prompt. */
export interface Example {
  readonly does: string;
  readonly line: string;
}

/** What a command's help says and what it takes. */
export interface CommandDescription {
  readonly name: string;
  /** One line without a full stop, for lists of commands. */
  readonly summary: string;
  /** Paragraphs for the command's own help; the summary when not given. */
  readonly description?: string;
  /** The name of what may follow `--`, such as `COMMAND ARG...`; without it `--` only ends the options. */
  readonly rest?: string;
  readonly examples: readonly [Example, ...Example[]];
  /** What the exit codes mean here, where that says more than the general table. */
  readonly exits?: Readonly<Partial<Record<ExitCode, string>>>;
  /** True when the action takes long: it gets a `signal` and a progress line, and ends by itself when interrupted. */
  readonly interruptible?: boolean;
  /** True for a command that lists do not show. */
  readonly hidden?: boolean;
}

/** The code behind a command. */
export type Action<A extends OperandSet, O extends OptionSet> = (call: Call<A, O>) => ExitCode | Promise<ExitCode>;

/** A declared command: its description, and a way to run it with words and options that are still text. */
export interface CommandDefinition extends CommandDescription {
  readonly kind: "command";
  readonly operands: OperandSet;
  readonly options: OptionSet;
  /** Checks the words and options (throws a CliError), imports the action and runs it. */
  run(raw: RawCall): Promise<ExitCode>;
}

/** Commands under one name: `vrx workload id`, `vrx workload check`. */
export interface GroupDefinition {
  readonly kind: "group";
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandDefinition[];
}

/**
 * Declares a command. `load` imports its action, and is the only place where a command may import a package that
 * costs start-up time; the type of the action follows from `operands` and `options`.
 */
export function defineCommand<const A extends OperandSet, const O extends OptionSet>(
  definition: CommandDescription & {
    readonly operands: A;
    readonly options: O;
    load(): Promise<Action<A, O>>;
  },
): CommandDefinition & { readonly operands: A; readonly options: O } {
  return {
    kind: "command",
    ...definition,
    async run({ words, options, ...context }) {
      const values = optionValues(definition.options, options);
      const operands = operandValues(definition.operands, words);
      const action = await definition.load();
      return action({ operands, options: values, ...context });
    },
  };
}

/** Declares a group of commands. */
export function defineGroup(definition: Omit<GroupDefinition, "kind">): GroupDefinition {
  return { kind: "group", ...definition };
}

interface OperandDetails {
  readonly completes?: Completes;
  readonly values?: readonly string[];
}

/** An operand that must be given. */
export function operand(
  name: string,
  summary: string,
  details: OperandDetails = {},
): Operand & { readonly count: "one" } {
  return { name, summary, count: "one", completes: "nothing", ...details };
}

/** An operand that may be left out. */
export function optionalOperand(
  name: string,
  summary: string,
  details: OperandDetails = {},
): Operand & { readonly count: "optional" } {
  return { name, summary, count: "optional", completes: "nothing", ...details };
}

/** One or more operands up to the end. */
export function operands(
  name: string,
  summary: string,
  details: OperandDetails = {},
): Operand & { readonly count: "many" } {
  return { name, summary, count: "many", completes: "nothing", ...details };
}

/** Any number of operands up to the end, none too. */
export function anyOperands(
  name: string,
  summary: string,
  details: OperandDetails = {},
): Operand & { readonly count: "any" } {
  return { name, summary, count: "any", completes: "nothing", ...details };
}

/** The words of a command line under the names of `set`; throws a {@link CliError} when one is missing or too many are there. */
function operandValues<A extends OperandSet>(set: A, words: readonly string[]): OperandValues<A> {
  const left = [...words];
  const values: Record<string, string | readonly string[] | undefined> = {};
  for (const [key, { name, count }] of Object.entries(set)) {
    if ((count === "one" || count === "many") && left.length === 0)
      throw new CliError("bad_arguments", `expected ${name}, found nothing`);
    values[key] = count === "many" || count === "any" ? left.splice(0) : left.shift();
  }
  if (left.length > 0) throw new CliError("bad_arguments", `expected nothing more, found ${JSON.stringify(left[0])}`);
  // The loop above fills exactly the keys of the set, each by its count.
  return values as OperandValues<A>;
}
