import { CliError } from "../frame/cli-error.js";
import { operand } from "../frame/define-command.js";
import { choice, flag, repeated, text } from "../frame/options.js";

/** MANIFEST, for the commands that read one. */
export const manifestOperand = operand(
  "MANIFEST",
  "a file, YAML or JSON; - for standard input; preset:NAME or NAME for one that comes along (`vrx manifest presets`)",
  { completes: "file" },
);

/** A variable and its new value, as YAML. */
export interface SetOption {
  readonly name: string;
  readonly value: string;
}

/** What changes a manifest from the command line. */
export const manifestOptions = {
  target: text("NAME", "a target or an entrypoint (default: the entrypoint default, else the first target)"),
  set: repeated("NAME=VALUE", "replace a variable of the manifest; may be given several times", (given): SetOption => {
    const equals = given.indexOf("=");
    if (equals > 0) return { name: given.slice(0, equals), value: given.slice(equals + 1) };
    throw new CliError("bad_arguments", `expected NAME=VALUE, found ${JSON.stringify(given)}`);
  }),
  backend: choice(["jax", "torch"], "what runs the experiments, instead of what the manifest says", undefined),
  device: text("DEVICE", "where they run, instead of what the manifest says: cpu, cuda:0, mps"),
  "list-targets": flag("list the targets and entrypoints, and do nothing else"),
} as const;
