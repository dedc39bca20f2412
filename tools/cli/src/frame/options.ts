import { CliError, isCliError } from "./cli-error.js";
import { oneOf } from "./one-of.js";

/** What shell completion offers for a value. */
export type Completes = "file" | "directory" | "spec" | "nothing";

/** An option without a value: false unless given. */
export interface FlagOption {
  readonly kind: "flag";
  readonly summary: string;
  readonly short?: string | undefined;
}

/** An option with a value; `parse` turns its text into a `T` or throws a message that starts after the option's name. */
export interface ValueOption<T> {
  readonly kind: "value";
  readonly summary: string;
  readonly placeholder: string;
  readonly short?: string | undefined;
  readonly fallback: T;
  readonly values?: readonly string[] | undefined;
  readonly completes: Completes;
  /** True where it may be given several times: then `T` is a list, and what `parse` gives is appended to it. */
  readonly repeats?: boolean;
  parse(text: string): T;
}

/** Options by their long name without the dashes: `{ "measure-steps": integer(...) }`. */
export type OptionSet = Readonly<Record<string, FlagOption | ValueOption<unknown>>>;

/** What an action gets for an {@link OptionSet}. */
export type OptionValues<O extends OptionSet> = {
  readonly [K in keyof O]: O[K] extends ValueOption<infer T> ? T : boolean;
};

interface Common {
  readonly short?: string;
}

/** An option that is there or not. */
export function flag(summary: string, { short }: Common = {}): FlagOption {
  return { kind: "flag", summary, short };
}

/** An option whose value is any text; undefined when not given. */
export function text(
  placeholder: string,
  summary: string,
  { short, completes = "nothing" }: Common & { readonly completes?: Completes } = {},
): ValueOption<string | undefined> {
  return {
    kind: "value",
    summary,
    placeholder,
    short,
    fallback: undefined,
    completes,
    parse(value) {
      if (value === "") throw new CliError("bad_arguments", `expected ${placeholder}, found an empty text`);
      return value;
    },
  };
}

/** An option that may be given several times; the action gets what `parse` makes of each, in order. */
export function repeated<T>(
  placeholder: string,
  summary: string,
  parse: (text: string) => T,
): ValueOption<readonly T[]> {
  return {
    kind: "value",
    summary,
    placeholder,
    short: undefined,
    fallback: [],
    completes: "nothing",
    repeats: true,
    parse: (value) => [parse(value)],
  };
}

/** An option with one of a few words. */
export function choice<const V extends string, F extends V | undefined>(
  values: readonly V[],
  summary: string,
  fallback: F,
): ValueOption<V | F> {
  return {
    kind: "value",
    summary,
    placeholder: values.join("|"),
    fallback,
    values,
    completes: "nothing",
    parse: (value) => oneOf(value, values),
  };
}

/** An option with a whole number from `min` to `max` (by default the largest safe integer). */
export function integer<F extends number | undefined>(
  summary: string,
  {
    min,
    max = Number.MAX_SAFE_INTEGER,
    fallback,
    short,
  }: Common & { readonly min: number; readonly max?: number; readonly fallback: F },
): ValueOption<number | F> {
  return {
    kind: "value",
    summary,
    placeholder: "N",
    short,
    fallback,
    completes: "nothing",
    parse(value) {
      const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      const range = max === Number.MAX_SAFE_INTEGER && !(number > max) ? `of at least ${min}` : `from ${min} to ${max}`;
      throw new CliError("bad_arguments", `expected a whole number ${range}, found ${JSON.stringify(value)}`);
    },
  };
}

/** An option with a decimal number such as 0.92; undefined when not given. */
export function decimal(summary: string): ValueOption<number | undefined> {
  return {
    kind: "value",
    summary,
    placeholder: "X",
    short: undefined,
    fallback: undefined,
    completes: "nothing",
    parse(value) {
      if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
      throw new CliError("bad_arguments", `expected a decimal number such as 0.92, found ${JSON.stringify(value)}`);
    },
  };
}

/**
 * The values of `set` from what the parser found under the long names. Throws a {@link CliError} that names the option
 * whose value is wrong.
 */
export function optionValues<O extends OptionSet>(set: O, given: Readonly<Record<string, unknown>>): OptionValues<O> {
  const values = Object.entries(set).map(([name, option]) => [name, optionValue(name, option, given[name])] as const);
  // Each entry is what its option's `parse` or `fallback` gives, which is what OptionValues says of it.
  return Object.fromEntries(values) as OptionValues<O>;
}

function optionValue(name: string, option: OptionSet[string], given: unknown): unknown {
  if (option.kind === "flag") return given === true;
  const texts: unknown[] = Array.isArray(given) ? given : [given];
  if (!texts.every((text) => typeof text === "string")) return option.fallback;
  try {
    return option.repeats === true ? texts.flatMap((text) => option.parse(text)) : option.parse(texts.at(-1) ?? "");
  } catch (error) {
    if (!isCliError(error)) throw error;
    throw new CliError(error.code, `--${name}: ${error.message}`, { cause: error });
  }
}
