import { ManifestError } from "./errors.js";
import { formatIssues } from "./format-issues.js";
import { maxFlaws } from "./internal/flaw.js";
import { fromValue } from "./internal/from-value.js";
import { type Located, type LocatedMap, describe } from "./internal/located.js";
import { maxDepth, maxValues, readYaml } from "./internal/read-yaml.js";
import { Context, invalid } from "./internal/schema.js";
import { substitute } from "./internal/substitute.js";
import { inOrder, toIssue } from "./internal/to-issue.js";
import type { Issue, Read } from "./issue.js";
import { type Manifest, type ManifestInput, manifestSchema } from "./schema/manifest.js";

/** How a manifest is read. */
export interface ReadManifestOptions {
  /** The file's name: its ending must be .yml, .yaml or .json, or it has none. */
  readonly filename?: string | undefined;
  /** Values that replace variables of the manifest, by name; texts are read as YAML: "3" is a number, "[1, 2]" a list. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Reads a manifest from its YAML or JSON text: variables filled in, every default there, or all issues at once, each
 * with its place. What is read can be planned: shapes, graphs, names and what refers to them are checked too. Never
 * throws on bad input; sizes are bounded (1 MiB of text, 200,000 values, 100 levels, 20,000 layers).
 */
export function readManifest(text: string, options: ReadManifestOptions = {}): Read<Manifest> {
  const { filename, set = {} } = options;
  const suffix = filename === undefined ? null : /\.([^./\\]*)$/.exec(filename)?.[1];
  if (suffix !== null && suffix !== undefined && !["yml", "yaml", "json"].includes(suffix.toLowerCase())) {
    const found = `.${suffix}`;
    const flaw = { code: "unsupported_format", path: [], expected: "a .yml, .yaml or .json file", found } as const;
    const sentence = `Unsupported format '${found}': expected a .yml, .yaml or .json file`;
    return { status: "invalid", issues: [toIssue({ ...flaw, sentence, offset: null }, null)] };
  }
  const { root, flaws, placeOf } = readYaml(text);
  const context = new Context();
  context.flaws.push(...flaws);
  const manifest = root === null ? null : check(root, overridesOf(set, context), context);
  return result(manifest, context, placeOf);
}

/** As {@link readManifest}, but throws a {@link ManifestError} with all issues. */
export function parseManifest(text: string, options: ReadManifestOptions = {}): Manifest {
  const read = readManifest(text, options);
  if (read.status === "ok") return read.manifest;
  throw new ManifestError("invalid_manifest", formatIssues(read.issues, options), read.issues);
}

/** As {@link readManifest}, for the value of a program or of JSON.parse. */
export function checkManifest(value: unknown, { set = {} }: Pick<ReadManifestOptions, "set"> = {}): Read<Manifest> {
  const context = new Context();
  const manifest = check(fromValue(value), overridesOf(set, context), context);
  return result(manifest, context, null);
}

/**
 * A manifest in TypeScript, checked as a file is: texts may hold `${name}`, and defaults may be left out. Throws a
 * {@link ManifestError} with everything that is wrong.
 */
export function defineManifest(input: ManifestInput): Manifest {
  const read = checkManifest(input);
  if (read.status === "ok") return read.manifest;
  throw new ManifestError("invalid_manifest", formatIssues(read.issues), read.issues);
}

function check(root: Located, overrides: ReadonlyMap<string, Located>, context: Context): Manifest | null {
  if (root.kind !== "map") {
    context.add(root, { code: "wrong_type", expected: "a mapping with the keys of a manifest", found: describe(root) });
    return null;
  }
  if (isTooLarge(root, context)) return null;
  const substituted = substitute(root, overrides, context);
  if (substituted === null) return null;
  const found = manifestSchema.check(substituted.root, context);
  if (found === invalid) return null;
  const { version, name, notes, artifacts_dir, defaults, targets, entrypoints } = found;
  return { version, name, notes, artifacts_dir, defaults, targets, entrypoints };
}

function isTooLarge(root: LocatedMap, context: Context): boolean {
  if (root.depth > maxDepth) {
    context.add(root, { code: "nesting_too_deep", expected: `at most ${maxDepth} levels`, found: String(root.depth) });
    return true;
  }
  if (root.size <= maxValues) return false;
  const expected = `at most ${maxValues} values, each use of an alias counted`;
  context.add(root, { code: "too_many_values", expected, found: String(root.size) });
  return true;
}

function overridesOf(set: Readonly<Record<string, unknown>>, context: Context): ReadonlyMap<string, Located> {
  const overrides = new Map<string, Located>();
  for (const [name, value] of Object.entries(set)) {
    const read = typeof value === "string" ? readYaml(value) : null;
    // A text that is no YAML, or none at all, stands for itself.
    const root = read?.root ?? null;
    const located = root === null ? fromValue(value) : withoutPlaces(root);
    if (located.size > maxValues || located.depth > maxDepth)
      context.add(
        { offset: null },
        { code: "too_many_values", path: ["vars", name], expected: "a smaller value", found: "a larger one" },
      );
    else overrides.set(name, located);
  }
  return overrides;
}

function withoutPlaces(node: Located): Located {
  if (node.kind === "scalar") return { ...node, offset: null };
  if (node.kind === "list") return { ...node, offset: null, items: node.items.map(withoutPlaces) };
  const entries = node.entries.map((entry) => ({ ...entry, keyOffset: null, value: withoutPlaces(entry.value) }));
  return { ...node, offset: null, entries };
}

function result(
  manifest: Manifest | null,
  { flaws, isFull }: Context,
  placeOf: ((offset: number) => { readonly line: number; readonly column: number }) | null,
): Read<Manifest> {
  if (manifest !== null && flaws.length === 0) return { status: "ok", manifest };
  const issues: Issue[] = inOrder(flaws).map((flaw) => toIssue(flaw, placeOf));
  if (isFull) {
    const expected = `less than ${maxFlaws} problems`;
    const sentence = `there are more than ${maxFlaws} problems; the rest is not told`;
    issues.push(toIssue({ code: "too_many_issues", path: [], expected, found: "more", sentence, offset: null }, null));
  }
  return { status: "invalid", issues };
}
