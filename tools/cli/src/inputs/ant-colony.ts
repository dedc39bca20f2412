import {
  type Precision,
  type SpecInteger,
  type WorkloadSpec,
  findPreset,
  readWorkloadSpec,
} from "@vrx/workload-schema";
import { CliError } from "../frame/cli-error.js";
import { quoteName } from "../frame/printable.js";
import { readInput } from "./read-input.js";
import { isFileName } from "./spec-source.js";

/** What may be left out of a section because an option replaces it. */
export interface Replacements {
  readonly batch_size?: number | undefined;
  readonly precision?: Precision | undefined;
}

/** A spec put together from two places, or lines for stderr. */
export type ComposedSpec =
  | { readonly status: "ok"; readonly spec: WorkloadSpec<SpecInteger> }
  | { readonly status: "invalid"; readonly problems: readonly string[] };

const limit_bytes = 16 * 2 ** 20;

/**
 * The spec whose ant is that of `ant` and whose colony is that of `colony`: each a preset, a file, or JSON text of the
 * section or of a whole spec. Knobs in `replacements` may be missing.
 */
export async function composeSpec(ant: string, colony: string, replacements: Replacements): Promise<ComposedSpec> {
  if (ant === "-" && colony === "-") {
    throw new CliError("bad_arguments", "standard input (`-`) can be read once, and is named by --ant and --colony");
  }
  const { precision, batch_size } = replacements;
  const sections = [
    await readSection("ant_spec", "--ant", ant, { precision }),
    await readSection("colony_spec", "--colony", colony, { batch_size }),
  ] as const;
  const problems = sections.flatMap((section) => (section.status === "ok" ? [] : section.problems));
  const [first, second] = sections;
  if (first.status !== "ok" || second.status !== "ok") return { status: "invalid", problems };
  const text = `{"schema_version":"workload_schema_v1","ant_spec":${first.text},"colony_spec":${second.text}}`;
  const read = readWorkloadSpec(text);
  if (read.status === "ok") return read;
  return { status: "invalid", problems: read.issues.map(({ message }) => `--ant and --colony: ${message}`) };
}

type SectionName = "ant_spec" | "colony_spec";
type Section =
  | { readonly status: "ok"; readonly text: string }
  | { readonly status: "invalid"; readonly problems: readonly string[] };

async function readSection(
  name: SectionName,
  option: string,
  word: string,
  replaced: Readonly<Record<string, string | number | undefined>>,
): Promise<Section> {
  const place = `${option} ${quoteName(word.length > 60 ? `${word.slice(0, 57)}...` : word)}`;
  const isInline = word.trimStart().startsWith("{");
  const presetName = word.startsWith("preset:") ? word.slice("preset:".length) : word;
  const preset = isInline || isFileName(word) ? undefined : findPreset(presetName);
  if (preset !== undefined) return { status: "ok", text: JSON.stringify(preset[name]) };
  const found = isInline ? { status: "ok" as const, text: word } : await fileText(word);
  if (found.status === "failed") return failed(place, found.reason);

  const value = plainObject(found.text);
  if (value === undefined) return failed(place, "expected a JSON object");
  if (["schema_version", "ant_spec", "colony_spec"].every((key) => Object.hasOwn(value, key))) {
    const read = readWorkloadSpec(found.text);
    if (read.status === "invalid")
      return { status: "invalid", problems: read.issues.map(({ message }) => `${place}: ${message}`) };
    return { status: "ok", text: sectionText(read.spec[name]) };
  }
  const added = Object.entries(replaced).flatMap(([key, knob]) =>
    knob === undefined || Object.hasOwn(value, key) ? [] : [`${JSON.stringify(key)}:${JSON.stringify(knob)}`],
  );
  if (added.length === 0) return { status: "ok", text: found.text };
  const inner = found.text.trim().slice(1);
  return { status: "ok", text: `{${[...added, ...(Object.keys(value).length === 0 ? [] : [""])].join(",")}${inner}` };
}

async function fileText(
  word: string,
): Promise<{ readonly status: "ok"; readonly text: string } | { readonly status: "failed"; readonly reason: string }> {
  const input = await readInput(word, limit_bytes);
  if (input.status === "failed") {
    const reason = isFileName(word) || input.reason !== "no such file" ? input.reason : "no such preset or file";
    return { status: "failed", reason };
  }
  try {
    return { status: "ok", text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input.bytes) };
  } catch {
    return { status: "failed", reason: "expected UTF-8, found other bytes" };
  }
}

/** The object a text is, and nothing after it; what is wrong inside is found by the strict reader. */
function plainObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** JSON with all digits of large integers; labels are left out. */
function sectionText(section: object): string {
  const knobs = Object.entries(section).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value === "bigint") return [`${JSON.stringify(key)}:${value}`];
    return typeof value === "number" || key === "ptr_dtype" || key === "precision"
      ? [`${JSON.stringify(key)}:${JSON.stringify(value)}`]
      : [];
  });
  return `{${knobs.join(",")}}`;
}

function failed(place: string, reason: string): Section {
  return { status: "invalid", problems: [`${place}: ${reason}`] };
}
