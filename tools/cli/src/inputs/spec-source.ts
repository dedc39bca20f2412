import { extname } from "node:path";
import {
  type Dialect,
  type Issue,
  type SpecInteger,
  type WorkloadSpec,
  findPreset,
  formatIssues,
  presets,
  readWorkloadSpec,
} from "@vrx/workload-schema";
import { CliError } from "../frame/cli-error.js";
import { quoteName } from "../frame/printable.js";
import { readInput } from "./read-input.js";
import { suggestFile } from "./suggest-file.js";

/** A spec named on the command line, read; or what is wrong with it. */
export type NamedSpec =
  | { readonly status: "ok"; readonly name: string; readonly spec: WorkloadSpec<SpecInteger> }
  | {
      readonly status: "invalid";
      readonly name: string;
      /** Everything that is wrong with the text; empty when there is no text to read. */
      readonly issues: readonly Issue[];
      /** Lines for stderr, each beginning with the place: `spec.json:3:5: ...`. */
      readonly problems: readonly string[];
    };

/** Reads several specs in order; standard input can be among them once. */
export async function readNamedSpecs(words: readonly string[], dialect: Dialect): Promise<readonly NamedSpec[]> {
  if (words.filter((word) => word === "-").length > 1) {
    throw new CliError("bad_arguments", "standard input (`-`) can be read once, and is named more often");
  }
  const specs: NamedSpec[] = [];
  for (const word of words) specs.push(await readNamedSpec(word, dialect));
  return specs;
}

/** Specs are a few hundred bytes; the reader's limit, checked before a file is read. */
const limit_bytes = 16 * 2 ** 20;

/**
 * Reads the spec that `word` names: `preset:NAME`; a file, when the word has a slash or an extension; `-` for standard
 * input; otherwise a preset of that name, and when there is none, a file.
 */
export async function readNamedSpec(word: string, dialect: Dialect = "strict"): Promise<NamedSpec> {
  const presetName = word.startsWith("preset:") ? word.slice("preset:".length) : undefined;
  const preset = findPreset(presetName ?? (isFileName(word) ? "" : word));
  if (preset !== undefined) return { status: "ok", name: word, spec: preset };
  const names = Object.keys(presets);
  if (presetName !== undefined) return failed(word, `no such preset; there are ${names.join(", ")}`);

  const input = await readInput(word, limit_bytes);
  if (input.status === "failed") {
    if (input.reason !== "no such file") return failed(word, input.reason);
    const near = suggestFile(word, names);
    if (isFileName(word)) return failed(word, `${input.reason}${near}`);
    return failed(word, `no such preset or file${near === "" ? `; the presets are ${names.join(", ")}` : near}`);
  }
  const read = readWorkloadSpec(input.bytes, { dialect });
  if (read.status === "ok") return { status: "ok", name: word, spec: read.spec };
  const problems = read.issues.map((issue) => formatIssues([issue], { filename: placeName(word) }));
  return { status: "invalid", name: word, issues: read.issues, problems };
}

/** Whether a word names a file rather than a preset: it has a slash or an extension, or is `-`. */
export function isFileName(word: string): boolean {
  return word === "-" || word.includes("/") || word.includes("\\") || extname(word) !== "";
}

function failed(word: string, reason: string): NamedSpec {
  return { status: "invalid", name: word, issues: [], problems: [`${placeName(word)}: ${reason}`] };
}

function placeName(word: string): string {
  return word === "-" ? "<stdin>" : quoteName(word);
}
