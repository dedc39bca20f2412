import { CliError } from "./cli-error.js";
import { nearest } from "./nearest.js";

/** `word` as one of `values`; throws a {@link CliError} that lists them and suggests the nearest. */
export function oneOf<const V extends string>(word: string, values: readonly V[]): V {
  const found = values.find((value) => value === word);
  if (found !== undefined) return found;
  const near = nearest(word, values);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new CliError("bad_arguments", `expected one of ${values.join(", ")}, found ${JSON.stringify(word)}${hint}`);
}
