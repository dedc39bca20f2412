import { type Located, type LocatedMap, entryOf, list, map, plainValue, quoted, scalar } from "./located.js";
import { nearest } from "./nearest.js";
import { maxDepth, maxValues } from "./read-yaml.js";
import type { Context } from "./schema.js";

/** Characters in a text that variables are put into, at most: variables in variables double quickly. */
const maxText = 65_536;

const placeholder = /\$\{([A-Za-z0-9_]+)\}/g;
const onlyPlaceholder = /^\$\{([A-Za-z0-9_]+)\}$/;

/** A manifest without its variables, and their names. */
export interface Substituted {
  readonly root: LocatedMap;
  readonly variables: readonly string[];
}

/**
 * Puts the variables of `vars` in the place of every `${name}` in values (never in keys). A text that is one placeholder
 * and nothing else becomes the variable's value with its type; elsewhere the value's text is put in (true, false, null,
 * JSON for lists and mappings). Only what is used is looked at. `overrides` replace variables that are declared.
 */
export function substitute(
  root: LocatedMap,
  overrides: ReadonlyMap<string, Located>,
  context: Context,
): Substituted | null {
  const declared = entryOf(root, "vars")?.value;
  const variables = new Map<string, Located>();
  if (declared?.kind === "map") for (const { key, value } of declared.entries) variables.set(key, value);
  else if (declared !== undefined && !(declared.kind === "scalar" && declared.value === null))
    context.at("vars", () =>
      context.add(declared, {
        code: "wrong_type",
        expected: "a mapping of variables by name",
        found: declared.kind === "list" ? "a list" : quoted(declared.value ?? ""),
      }),
    );
  const names = [...variables.keys()];
  for (const [name, value] of overrides) {
    if (!variables.has(name)) {
      context.add(
        { offset: null },
        {
          code: "unknown_variable",
          path: ["vars", name],
          expected:
            names.length === 0 ? "a manifest with vars" : `one of the variables ${names.slice(0, 20).join(", ")}`,
          found: quoted(name),
          suggestion: nearest(name, names.slice(0, 200)),
          sentence:
            `--set ${name.slice(0, 60)}: ` +
            (names.length === 0
              ? "the manifest has no vars"
              : `no such variable; there are ${names.slice(0, 20).join(", ")}`),
        },
      );
      continue;
    }
    variables.set(name, value);
  }

  const resolved = new Map<string, Located | null>();
  const open: string[] = [];
  const done = new WeakMap<Located, Located>();

  const valueOf = (name: string, use: Located): Located | null => {
    const before = resolved.get(name);
    if (before !== undefined) return before;
    const source = variables.get(name);
    if (source === undefined) {
      if (context.isFull) return null;
      const suggestion = nearest(name, names.slice(0, 200));
      context.add(use, {
        code: "unknown_variable",
        expected:
          names.length === 0 ? "a variable, of which there are none" : `one of ${names.slice(0, 20).join(", ")}`,
        found: `\${${name.slice(0, 60)}}`,
        suggestion,
        sentence: `Unknown manifest variable: ${name.slice(0, 60)}${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`,
      });
      return null;
    }
    if (open.includes(name)) {
      const cycle = [...open.slice(open.indexOf(name)), name];
      context.add(use, {
        code: "variable_cycle",
        expected: "variables that do not contain themselves",
        found: cycle.slice(0, 8).join(" -> "),
        sentence: `Cycle detected in manifest vars: ${name.slice(0, 60)} (${cycle.slice(0, 8).join(" -> ")})`,
      });
      return null;
    }
    if (open.length >= maxDepth) {
      context.add(use, {
        code: "nesting_too_deep",
        expected: `at most ${maxDepth} variables in each other`,
        found: "more",
      });
      return null;
    }
    open.push(name);
    const value = fill(source);
    open.pop();
    resolved.set(name, value);
    return value;
  };

  /** `node` with every variable filled in; itself where there is none. Shared nodes are filled once. */
  const fill = (node: Located): Located => {
    const before = done.get(node);
    if (before !== undefined) return before;
    const filled = fillAnew(node);
    done.set(node, filled);
    return filled;
  };

  const fillAnew = (node: Located): Located => {
    if (node.kind === "list") {
      const items = node.items.map((item, index) => context.at(index, () => fill(item)));
      return items.every((item, index) => item === node.items[index]) ? node : list(items, node.offset);
    }
    if (node.kind === "map") {
      const entries = node.entries.map((entry) => {
        const value = context.at(entry.key, () => fill(entry.value));
        return value === entry.value ? entry : { ...entry, value };
      });
      return entries.every((entry, index) => entry === node.entries[index]) ? node : map(entries, node.offset);
    }
    if (typeof node.value !== "string" || !node.value.includes("${")) return node;
    const [, only] = onlyPlaceholder.exec(node.value) ?? [];
    if (only !== undefined) {
      const value = valueOf(only, node);
      if (value === null) return failedUse(node);
      // The use is where a wrong scalar is told; inside of lists and mappings it is where they are written.
      return {
        ...value,
        offset: node.offset,
        variable: { name: only, offset: value.variable?.offset ?? value.offset },
      };
    }
    const missing: string[] = [];
    let length = 0;
    const text = node.value.replace(placeholder, (whole, name: string) => {
      const value = valueOf(name, node);
      if (value === null) missing.push(name);
      const put = value === null || length > maxText || value.size > 1000 ? "" : textOf(value);
      length += put.length;
      if (value !== null && value.size > 1000) length = maxText + 1;
      return value === null ? whole : put;
    });
    if (length > maxText) {
      context.add(node, { code: "text_too_long", expected: `a text of at most ${maxText} characters`, found: "more" });
      return failedUse(node);
    }
    return missing.length > 0 ? failedUse(node) : scalar(text, node.offset);
  };

  // A value that could not be filled in gives no second error for not being what its key wants.
  const failedUse = (node: Located): Located => {
    const failed = scalar(null, node.offset);
    context.holes.add(failed);
    return failed;
  };

  const entries = root.entries
    .filter(({ key }) => key !== "vars")
    .map((entry) => ({ ...entry, value: context.at(entry.key, () => fill(entry.value)) }));
  const filled = map(entries, root.offset);
  if (filled.size > maxValues || filled.depth > maxDepth) {
    const isDeep = filled.depth > maxDepth;
    context.add(
      { offset: root.offset },
      isDeep
        ? { code: "nesting_too_deep", expected: `at most ${maxDepth} levels`, found: "more" }
        : {
            code: "too_many_values",
            expected: `at most ${maxValues} values, each use of an alias and of a variable counted`,
            found: String(filled.size),
          },
    );
    return null;
  }
  return { root: filled, variables: names };
}

function textOf(node: Located): string {
  if (node.kind === "scalar") return String(node.value);
  return JSON.stringify(plainValue(node));
}
