import { CliError } from "../frame/cli-error.js";

/** Refuses, for a program after `--`, the options that only the ring has; `given` says of each whether it was named. */
export function requireNoRingOptions(given: Readonly<Record<string, boolean>>): void {
  const option = Object.keys(given).find((name) => given[name] === true);
  if (option === undefined) return;
  throw new CliError("bad_arguments", `${option} is for the ring; a program after \`--\` executes itself`);
}
