import type { Sink } from "./descriptor.js";
import { jsonText } from "./json-text.js";
import { printable } from "./printable.js";
import { type ProgressLine, progressLine, silentProgress } from "./progress.js";
import { type Style, plainStyle, terminalStyle } from "./style.js";

/** How much goes to stderr: errors only, also warnings and notes, or everything. */
export type Verbosity = "quiet" | "normal" | "verbose";

/**
 * The only way a command speaks. Results go to stdout (or the file of `--out`), everything else to stderr.
 * What comes from outside is made safe for a terminal on stderr here; on stdout with {@link quoteName} or
 * {@link printable} by the command, which knows what must stay byte for byte.
 */
export interface Output {
  readonly verbosity: Verbosity;
  /** Colours for what is printed on stdout; plain when it is no terminal, or NO_COLOR or --no-color says so. */
  readonly style: Style;
  /** A line of the result. */
  print(line: string): void;
  /** A piece of the result as it is, without a line feed added. */
  printRaw(text: string): void;
  /** The one JSON document of a command called with `--json`; bigints keep their digits. */
  printJson(value: unknown): void;
  /** A problem: `vrx: error: ...`. Printed even when quiet. */
  error(message: string): void;
  /** A line of an error that names its own place (`spec.json:3:5: ...`). Printed even when quiet. */
  problem(line: string): void;
  warn(message: string): void;
  /** What the user may want to know but did not ask for. */
  note(message: string): void;
  /** Printed with --verbose only. */
  detail(message: string): void;
  /** One line on stderr that keeps changing, when stderr is a terminal and neither --quiet nor --no-progress was given. */
  progress(): ProgressLine;
  /** Takes the progress line away; the frame calls it when the command has ended. */
  close(): void;
}

/** Where an {@link Output} writes, and how. */
export interface OutputSettings {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly verbosity: Verbosity;
  /** Colours on stdout and on stderr; asked at the first use, since finding out costs start-up time. */
  readonly colour: { readonly stdout: () => boolean; readonly stderr: () => boolean };
  readonly showProgress: () => boolean;
  /** Width of the terminal behind stderr. */
  readonly columns: () => number;
}

/** The {@link Output} of one command. */
export function createOutput(settings: OutputSettings): Output {
  const { stdout, stderr, verbosity } = settings;
  let progress: ProgressLine | undefined;
  let style: Style | undefined;

  const say = (text: string): void => {
    progress?.clear();
    stderr.write(`${text}\n`);
  };
  const labelled = (label: string, paint: keyof Style, message: string): void => {
    const colours = settings.colour.stderr() ? terminalStyle : plainStyle;
    say(`${colours[paint](`vrx: ${label}:`)} ${printable(message)}`);
  };

  return {
    verbosity,
    get style() {
      style ??= settings.colour.stdout() ? terminalStyle : plainStyle;
      return style;
    },
    print(line) {
      progress?.clear();
      stdout.write(`${line}\n`);
    },
    printRaw(text) {
      progress?.clear();
      stdout.write(text);
    },
    printJson(value) {
      progress?.clear();
      stdout.write(`${jsonText(value)}\n`);
    },
    error: (message) => labelled("error", "bad", message),
    problem: (line) => say(printable(line)),
    warn(message) {
      if (verbosity !== "quiet") labelled("warning", "unsure", message);
    },
    note(message) {
      if (verbosity !== "quiet") say(`vrx: ${printable(message)}`);
    },
    detail(message) {
      if (verbosity === "verbose") say(`vrx: ${printable(message)}`);
    },
    progress() {
      progress ??=
        verbosity === "quiet" || !settings.showProgress() ? silentProgress : progressLine(stderr, settings.columns());
      return progress;
    },
    close: () => progress?.clear(),
  };
}
