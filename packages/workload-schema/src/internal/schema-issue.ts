import type { Issue, IssueCode } from "../issue.js";
import { type KnobRule, allowedKeys, knobRules, schemaVersion } from "../knobs.js";
import { describe, quote } from "./describe.js";
import type { Flaw } from "./flaw.js";
import { pointerOf } from "./pointer.js";

/** The issue of a flaw, in the words of the schema unless the flaw brings its own. */
export function schemaIssue(flaw: Flaw): Issue {
  const { code, path, value } = flaw;
  const pointer = pointerOf(path);
  const { expected = expectedAt(flaw), found = foundBy(code, path, value) } = flaw;
  return {
    code,
    message: `${pointer === "" ? "the spec" : quote(pointer).slice(1, -1)}: expected ${expected}, found ${found}`,
    path,
    pointer,
    expected,
    found,
  };
}

function foundBy(code: IssueCode, path: readonly PropertyKey[], value: unknown): string {
  if (code === "missing_key") return "no such key";
  return code === "unknown_key" ? `the key ${quote(String(path.at(-1)))}` : describe(value);
}

/** What the schema wants at a path, in words. */
export function expectedAt({ code, path }: Flaw): string {
  if (code === "unknown_key") return `only the keys ${allowedKeys(path.at(-2)).join(", ")}`;
  if (code === "unsafe_integer") return "a bigint beyond 2^53-1";
  const rule = ruleAt(path);
  if (typeof rule === "number") return `an integer >= ${rule}`;
  if (rule !== undefined) return `one of ${rule.map(quote).join(", ")}`;
  return path[0] === "schema_version" ? quote(schemaVersion) : "an object";
}

/** The rule of the knob at a path, if there is a knob. */
export function ruleAt([section = "", knob = ""]: readonly PropertyKey[]): KnobRule | undefined {
  const rules: Readonly<Record<PropertyKey, Readonly<Record<PropertyKey, KnobRule>>>> = knobRules;
  return rules[section]?.[knob];
}
