import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { HarnessError } from "../../errors.js";
import type { TrialLimits } from "../executor.js";
import type { TrialPause } from "../wait-for-idle.js";

/** What runs a task on a node: Node and the built program of this package, or a bundle that has both. */
export type TaskProgram =
  | { readonly kind: "node"; readonly node: string; readonly program: string }
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "archive"; readonly file: string; readonly sha256: string };

/** Where the program of a task is inside a bundle. */
const in_bundle = "lib/node_modules/@vrx/harness/dist/slurm-task-program.js";

/** Finds what the options name; throws `unsupported` where it is not there or not built. */
export function taskProgram(options: { readonly node?: string; readonly bundle?: string }): TaskProgram {
  if (options.bundle !== undefined) return bundled(resolve(options.bundle));
  const root = dirname(createRequire(import.meta.url).resolve("@vrx/harness/package.json"));
  const program = join(root, "dist/slurm-task-program.js");
  if (!existsSync(program)) {
    throw new HarnessError(
      "unsupported",
      `expected the built program of a Slurm task at ${program}, found none: build @vrx/harness`,
    );
  }
  return { kind: "node", node: options.node ?? process.execPath, program };
}

function bundled(path: string): TaskProgram {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) {
    if (existsSync(join(path, in_bundle))) return { kind: "folder", folder: path };
    throw new HarnessError(
      "unsupported",
      `expected an unpacked bundle of vrx at ${path}, found a folder without ${in_bundle}`,
    );
  }
  if (stats === undefined) {
    throw new HarnessError(
      "unsupported",
      `expected a bundle of vrx at ${path}, found nothing: make one with \`vrx bundle\``,
    );
  }
  return { kind: "archive", file: path, sha256: createHash("sha256").update(readFileSync(path)).digest("hex") };
}

export interface TaskScript {
  readonly program: TaskProgram;
  readonly store_dir: string;
  /** One digest per line; the task with index i runs line i. */
  readonly list_file: string;
  readonly limits: TrialLimits;
  readonly pause?: TrialPause;
  readonly preflight?: boolean;
}

/** The body of an array's task: one plain shell script that becomes the program of the task. */
export function taskScript({ program, store_dir, list_file, limits, pause, preflight }: TaskScript): string {
  const given = [
    "--store",
    store_dir,
    "--list",
    list_file,
    ...(limits.time_s === null ? [] : ["--time-s", String(limits.time_s)]),
    ...(limits.memory_bytes === null ? [] : ["--memory-bytes", String(limits.memory_bytes)]),
    ...(pause === undefined ? [] : ["--pause", JSON.stringify(pause)]),
    ...(preflight === true ? ["--preflight"] : []),
  ].map(quoted);
  return [
    "#!/bin/sh",
    "# Runs one trial of a sweep: SLURM_ARRAY_TASK_ID counts the lines of the list from 0.",
    "set -eu",
    // Variables of vrx that happen to be set where the sweep was submitted must not change a trial.
    'for name in $(env | sed -n "s/^\\(VRX_[A-Za-z0-9_]*\\)=.*/\\1/p"); do unset "$name"; done',
    ...started(program),
    `exec "$vrx_node" "$vrx_program" ${given.join(" ")}`,
    "",
  ].join("\n");
}

function started(program: TaskProgram): readonly string[] {
  if (program.kind === "node") return [`vrx_node=${quoted(program.node)}`, `vrx_program=${quoted(program.program)}`];
  if (program.kind === "folder") return inFolder(quoted(program.folder));
  return [
    // Unpacked once per node and bundle: beside, then renamed, so that two tasks that start together cannot see half of it.
    'vrx_cache="${TMPDIR:-/tmp}/vrx-$(id -u)"',
    'mkdir -p -m 700 "$vrx_cache"',
    'if [ ! -O "$vrx_cache" ]; then echo "$vrx_cache belongs to somebody else" >&2; exit 70; fi',
    `vrx_folder="$vrx_cache/"${quoted(program.sha256)}`,
    'if [ ! -d "$vrx_folder" ]; then',
    '  vrx_new=$(mktemp -d "$vrx_cache/new.XXXXXX")',
    `  tar -xzf ${quoted(program.file)} -C "$vrx_new" --strip-components=1`,
    '  mv -T "$vrx_new" "$vrx_folder" 2>/dev/null || rm -rf "$vrx_new"',
    "fi",
    ...inFolder('"$vrx_folder"'),
  ];
}

function inFolder(folder: string): readonly string[] {
  return [`vrx_node=${folder}/bin/node`, `vrx_program=${folder}/${in_bundle}`];
}

/** A word of a POSIX shell that stands for exactly this text. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
