import { parseDocument } from "yaml";
import { HarnessError } from "../../errors.js";

/** Where and how Slurm runs trials. What is left out is the cluster's default. */
export interface SlurmOptions {
  readonly partition?: string;
  readonly account?: string;
  readonly qos?: string;
  /** What every trial gets, in Slurm's words: `gpu:1`, `gpu:a100:1`. */
  readonly gres?: string;
  readonly constraint?: string;
  /** Nodes no trial runs on: `node[3-5],node9`. */
  readonly exclude?: string;
  readonly cpus_per_task?: number;
  /** Memory of a task in Slurm's words: `8G`, `512M`. */
  readonly mem?: string;
  /** Slurm's limit on one trial: `30`, `1:30:00`, `2-0`. Beyond it Slurm ends the trial and its result is `timeout`. */
  readonly time_limit?: string;
  /** An image for the container plugin of the site (pyxis: `--container-image`). */
  readonly container_image?: string;
  /** At most so many trials run at a time, over all arrays of a sweep. */
  readonly throttle?: number;
  /** At most so many tasks in one array; never more than the cluster's MaxArraySize. */
  readonly chunk?: number;
  /** Options passed to sbatch as they are, one word each: `--reservation=bench`. */
  readonly raw?: readonly string[];
  /** Seconds before a preemption or the time limit at which Slurm sends SIGTERM, so that a trial is given back cleanly. */
  readonly signal_s?: number;
  /** Node on the compute nodes; by default the one that runs this process. */
  readonly node?: string;
  /** A bundle made by `vrx bundle`, as the file or as a folder it was unpacked to, where nodes have no Node. */
  readonly bundle?: string;
  /** How often a trial is submitted again whose task ended without a result, unless its program failed; 2 unless given. */
  readonly resubmit?: number;
  /** Seconds between two looks at the queue; 10 unless given. */
  readonly poll_s?: number;
  /** Seconds after the end of a task in which its result may still appear on a shared file system; 30 unless given. */
  readonly settle_s?: number;
  /** Seconds that the controller may be away before what is out is given up as lost; 3600 unless given. */
  readonly away_limit_s?: number;
}

/** One wrong option. */
export interface OptionProblem {
  readonly option: string;
  readonly message: string;
}

export type CheckedSlurmOptions =
  | { readonly status: "ok"; readonly options: SlurmOptions }
  | { readonly status: "invalid"; readonly problems: readonly OptionProblem[] };

type Rule = (value: unknown) => string | null;

const word =
  (pattern: RegExp, like: string): Rule =>
  (value) =>
    typeof value === "string" && pattern.test(value) ? null : `expected ${like}, found ${shown(value)}`;

const number =
  (min: number, max: number, whole = true): Rule =>
  (value) =>
    typeof value === "number" && value >= min && value <= max && (!whole || Number.isInteger(value))
      ? null
      : `expected a ${whole ? "whole " : ""}number from ${min} to ${max}, found ${shown(value)}`;

const path: Rule = (value) =>
  typeof value === "string" && value !== "" && !/[\0\r\n]/.test(value)
    ? null
    : `expected a path, found ${shown(value)}`;

const names = word(/^[\w.+-]+(,[\w.+-]+)*$/, "names such as `gpu`, separated by commas");
const name = word(/^[\w.+@-]+$/, "a name of letters, digits and . _ + @ -");

const rules: Readonly<Record<keyof SlurmOptions, Rule>> = {
  partition: names,
  account: name,
  qos: name,
  gres: word(/^[\w.+-]+(:[\w.+-]+){0,2}(,[\w.+-]+(:[\w.+-]+){0,2})*$/, "a resource such as `gpu:1` or `gpu:a100:1`"),
  constraint: word(/^[\w.+&|*()[\]:,-]+$/, "features such as `a100&nvlink`"),
  exclude: word(/^[\w.-]+(\[[\d,-]+\])?[\w.-]*(,[\w.-]+(\[[\d,-]+\])?[\w.-]*)*$/, "nodes such as `node[3-5],node9`"),
  cpus_per_task: number(1, 4096),
  mem: word(/^\d+[KMGT]?$/, "an amount of memory such as `8G`"),
  time_limit: word(
    /^(\d+(:\d{1,2}(:\d{1,2})?)?|\d+-\d{1,2}(:\d{1,2}(:\d{1,2})?)?)$/,
    "a time as minutes, `h:mm:ss` or `days-hours`",
  ),
  container_image: word(/^[\w./:@#+-]+$/, "an image such as `nvcr.io#nvidia/pytorch:25.01-py3`"),
  throttle: number(1, 1_000_000),
  chunk: number(1, 4_000_001),
  raw: (value) =>
    Array.isArray(value)
      ? rawProblem(value)
      : `expected a list of options such as \`--reservation=bench\`, found ${shown(value)}`,
  signal_s: number(1, 65_535),
  node: path,
  bundle: path,
  resubmit: number(0, 100),
  poll_s: number(0.1, 3600, false),
  settle_s: number(0, 3600, false),
  away_limit_s: number(0, 30 * 86_400, false),
};

/** What this executor sets itself; given twice, a trial could be lost or run elsewhere than where it is looked for. */
const ours = [
  "array",
  "comment",
  "export",
  "input",
  "job-name",
  "open-mode",
  "output",
  "error",
  "parsable",
  "wrap",
  "test-only",
  "wait",
  "clusters",
  "no-requeue",
  "requeue",
  "chdir",
];
const ourLetters = /^-(?!-)[aJioeWMD]/;

function rawProblem(value: readonly unknown[]): string | null {
  for (const option of value) {
    if (typeof option !== "string" || !/^--?[A-Za-z]/.test(option) || /[\0\r\n]/.test(option)) {
      return `expected options that start with a dash, one word each (\`--name=value\`), found ${shown(option)}`;
    }
    const own = ours.find((known) => option === `--${known}` || option.startsWith(`--${known}=`));
    if (own !== undefined || ourLetters.test(option)) {
      return `expected no option that vrx sets itself, found ${shown(option)}`;
    }
  }
  return null;
}

/** Checks options from a file or a program; every problem at once, with a suggestion for a name that is not known. */
export function readSlurmOptions(value: unknown): CheckedSlurmOptions {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { status: "invalid", problems: [{ option: "", message: `expected options, found ${shown(value)}` }] };
  }
  const problems: OptionProblem[] = [];
  for (const [option, given] of Object.entries(value)) {
    if (given === undefined) continue;
    const rule = isOption(option) ? rules[option] : undefined;
    const message = rule === undefined ? `expected one of ${Object.keys(rules).join(", ")}` : rule(given);
    if (message !== null) problems.push({ option, message });
  }
  if ("node" in value && "bundle" in value && value.node !== undefined && value.bundle !== undefined) {
    problems.push({
      option: "node",
      message: "expected either `node` or `bundle`, found both: a bundle brings its own",
    });
  }
  if ("throttle" in value && "raw" in value && Array.isArray(value.raw)) {
    const raw: readonly unknown[] = value.raw;
    const dependency = raw.find((option) => typeof option === "string" && /^(--dependency|-d)/.test(option));
    if (dependency !== undefined) {
      problems.push({
        option: "raw",
        message: `expected no ${shown(dependency)} beside \`throttle\`, which lets one array wait for the other`,
      });
    }
  }
  if (problems.length > 0) return { status: "invalid", problems };
  // Every entry that is there has passed the rule of its name.
  return { status: "ok", options: value };
}

/** The same from the text of a file, YAML 1.2 or JSON: an object of options. */
export function parseSlurmOptions(text: string): CheckedSlurmOptions {
  const document = parseDocument(text, { version: "1.2", uniqueKeys: true, prettyErrors: false, logLevel: "silent" });
  const problems = [...document.errors, ...document.warnings].map(({ message }) => ({ option: "", message }));
  return problems.length > 0
    ? { status: "invalid", problems }
    : readSlurmOptions(document.toJS({ maxAliasCount: 100 }));
}

/** The options, or `invalid_argument` with all problems in one message. */
export function checkedSlurmOptions(value: unknown): SlurmOptions {
  const read = readSlurmOptions(value);
  if (read.status === "ok") return read.options;
  const lines = read.problems.map(({ option, message }) => (option === "" ? message : `${option}: ${message}`));
  throw new HarnessError("invalid_argument", `options of the slurm executor: ${lines.join("; ")}`, {
    details: { problems: read.problems },
  });
}

/** The part of sbatch's arguments that says where and with what a trial runs. */
export function resourceArguments(options: SlurmOptions): readonly string[] {
  const { partition, account, qos, gres, constraint, exclude, cpus_per_task, mem, time_limit, container_image } =
    options;
  const given: readonly (readonly [string, string | number | undefined])[] = [
    ["partition", partition],
    ["account", account],
    ["qos", qos],
    ["gres", gres],
    ["constraint", constraint],
    ["exclude", exclude],
    ["cpus-per-task", cpus_per_task],
    ["mem", mem],
    ["time", time_limit],
    ["container-image", container_image],
    ["signal", options.signal_s === undefined ? undefined : `B:TERM@${options.signal_s}`],
  ];
  return [
    ...given.flatMap(([option, value]) => (value === undefined ? [] : [`--${option}=${value}`])),
    ...(options.raw ?? []),
  ];
}

function isOption(option: string): option is keyof SlurmOptions {
  return Object.hasOwn(rules, option);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
