import type { Issue } from "../issue.js";
import { type KnobRule, knobRules, schemaVersion } from "../knobs.js";
import { describe, quote } from "./describe.js";
import type { Flaw } from "./flaw.js";
import { pointerOf } from "./pointer.js";

/** The issue of a flaw, in the words of the schema unless the flaw brings its own. */
export function schemaIssue(flaw: Flaw, suggestion?: string): Issue {
  const { code, path, value } = flaw;
  const pointer = pointerOf(path);
  const { expected = expectedAt(flaw), found = code === "missing_key" ? "no such key" : describe(value) } = flaw;
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return {
    code,
    message: `${pointer === "" ? "the spec" : pointer}: expected ${expected}, found ${found}${hint}`,
    path,
    pointer,
    expected,
    found,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

/** What the schema wants at a path, in words. */
export function expectedAt({ code, path }: Flaw): string {
  if (code === "unknown_key") return `only the keys ${allowedKeys(path.slice(0, -1)).join(", ")}`;
  if (code === "unsafe_integer") return "a bigint beyond 2^53-1, where numbers lose digits";
  const rule = ruleAt(path);
  if (typeof rule === "number") return `an integer >= ${rule}`;
  if (rule !== undefined) return `one of ${rule.map(quote).join(", ")}`;
  return path[0] === "schema_version" ? quote(schemaVersion) : "an object";
}

/** The rule of the knob at a path, if there is a knob. */
export function ruleAt([section, key]: readonly PropertyKey[]): KnobRule | undefined {
  return typeof key === "string" ? rulesOf(section)?.[key] : undefined;
}

/** The keys that the object at a path may have. */
export function allowedKeys([section]: readonly PropertyKey[]): readonly string[] {
  return [...Object.keys(rulesOf(section) ?? { schema_version: 0, ...knobRules }), "name", "notes"];
}

function rulesOf(section: unknown): Readonly<Record<string, KnobRule>> | undefined {
  return section === "ant_spec" || section === "colony_spec" ? knobRules[section] : undefined;
}
