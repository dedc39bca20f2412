import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname } from "node:path";
import {
  type Manifest,
  type Overrides,
  formatIssues,
  overrideManifest,
  readManifest,
  resolveTarget,
} from "@vrx/manifest";
import type { SetOption } from "../commands/manifest-inputs.js";
import { CliError } from "../frame/cli-error.js";
import { nearest } from "../frame/nearest.js";
import { printable, quoteName } from "../frame/printable.js";
import { readInput } from "./read-input.js";
import { isFileName } from "./spec-source.js";
import { suggestFile } from "./suggest-file.js";

/** More than the reader takes, so that it is the reader who says so. */
const limit_bytes = 4 * 2 ** 20;

/** A manifest as the command line names and changes it. */
export interface NamedManifest {
  /** For messages. */
  readonly name: string;
  readonly text: string;
  readonly manifest: Manifest;
}

/** The text of a manifest, and the name that its places are told with. */
export interface ManifestText {
  readonly name: string;
  readonly text: string;
}

/** What of the command line changes a manifest. */
export interface ManifestChanges extends Overrides {
  readonly set: readonly SetOption[];
}

/** Reads a manifest; throws a {@link CliError} with everything that is wrong, a line each. */
export async function manifestOf(word: string, { set, backend, device }: ManifestChanges): Promise<NamedManifest> {
  const { name, text } = await manifestText(word);
  const read = readManifest(text, {
    ...(word === "-" ? {} : { filename: name }),
    set: Object.fromEntries(set.map((one) => [one.name, one.value])),
  });
  if (read.status === "invalid") throw new ManifestProblems(formatIssues(read.issues, { filename: name }), read.issues);
  return { name, text, manifest: overrideManifest(read.manifest, { backend, device }) };
}

/** What is wrong with a manifest; each line names its own place. */
export class ManifestProblems extends CliError {
  readonly issues: readonly unknown[];

  constructor(message: string, issues: readonly unknown[]) {
    super("bad_input", message);
    this.issues = issues;
  }
}

/** The text that `word` names: `preset:NAME`, a file, `-` for standard input, or a preset of that name. */
export async function manifestText(word: string): Promise<ManifestText> {
  const presets = presetFiles();
  const names = [...presets.keys()];
  const wanted = word.startsWith("preset:") ? word.slice("preset:".length) : isFileName(word) ? undefined : word;
  const preset = wanted === undefined ? undefined : presets.get(wanted);
  if (preset !== undefined) return { name: basename(preset), text: readFileSync(preset, "utf8") };
  if (word.startsWith("preset:")) {
    const meant = nearest(wanted ?? "", names);
    const hint = meant === undefined ? `there are ${names.join(", ")}` : `did you mean ${meant}?`;
    throw new CliError("bad_input", `${quoteName(word)}: no such preset; ${hint}`);
  }
  const input = await readInput(word, limit_bytes);
  const name = word === "-" ? "<stdin>" : quoteName(word);
  if (input.status === "failed") {
    const hint = input.reason === "no such file" ? suggestFile(word, names) : "";
    throw new CliError("bad_input", `${name}: ${input.reason}${hint}`);
  }
  try {
    return { name, text: new TextDecoder("utf-8", { fatal: true }).decode(input.bytes) };
  } catch (error) {
    throw new CliError("bad_input", `${name}: expected UTF-8, found other bytes`, { cause: error });
  }
}

/** The files of the presets by their names. */
export function presetFiles(): ReadonlyMap<string, string> {
  const folder = dirname(createRequire(import.meta.url).resolve("@vrx/manifest/presets/standard_transformer.yml"));
  return new Map(
    readdirSync(folder)
      .filter((file) => file.endsWith(".yml"))
      .sort()
      .map((file) => [file.slice(0, -".yml".length), `${folder}/${file}`]),
  );
}

/** The name of the target that is meant; throws a {@link CliError} where there is none. */
export function targetOf(manifest: Manifest, name: string | undefined): string {
  const found = resolveTarget(manifest, name);
  if (found.status === "ok") return found.target.name;
  throw new CliError("bad_arguments", printable(found.message));
}

/** `--list-targets`: a line for each target, then for each entrypoint. */
export function targetLines({ targets, entrypoints }: Manifest): readonly string[] {
  return [
    ...targets.map(({ name, type, description }) =>
      [name, type, description]
        .filter((part) => part !== "")
        .map(oneLine)
        .join("\t"),
    ),
    ...Object.entries(entrypoints).map(([entry, target]) => `${oneLine(entry)} -> ${oneLine(target)}`),
  ];
}

const oneLine = (text: string): string => quoteName(text.replace(/\s+/g, " "));
