import type { IssueCode } from "../issue.js";
import { type KnobRule, allowedKeys, knobRules, schemaVersion } from "../knobs.js";
import type { SpecInteger, WorkloadSpec } from "../workload-spec.js";
import { type Flaw, maxDigits, maxFlaws } from "./flaw.js";
import { FloatToken } from "./float-token.js";

/** Every rule of `workload_schema_v1` that `value` breaks; the same for what was read and for objects of a program. */
export function findFlaws(value: unknown): Flaw[] {
  const flaws: Flaw[] = [];
  const add = (code: IssueCode, path: readonly string[], found: unknown): void => {
    flaws.push({ code: found === undefined && code !== "unknown_key" ? "missing_key" : code, path, value: found });
  };
  const checkKeys = (part: JsonObject, path: readonly string[]): void => {
    const allowed = allowedKeys(path[0]);
    for (const key of Object.keys(part))
      if (!allowed.includes(key) && flaws.length < maxFlaws) add("unknown_key", [...path, key], own(part, key));
  };

  if (!isJsonObject(value)) return [{ code: "not_an_object", path: [], value }];
  checkKeys(value, []);
  const version = own(value, "schema_version");
  if (version !== schemaVersion) add("wrong_schema_version", ["schema_version"], version);
  for (const [section, rules] of Object.entries(knobRules)) {
    const part = own(value, section);
    if (isJsonObject(part)) {
      checkKeys(part, [section]);
      for (const [key, rule] of Object.entries<KnobRule>(rules)) {
        const found = own(part, key);
        const code = brokenRule(rule, found);
        if (code !== null) add(code, [section, key], found);
      }
    } else add("not_an_object", [section], part);
  }
  return flaws;
}

/** Says to the type system what {@link findFlaws} found out. */
export function isFlawless(value: unknown, flaws: readonly unknown[]): value is WorkloadSpec<SpecInteger> {
  return isJsonObject(value) && flaws.length === 0;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof FloatToken);
}

function own(value: JsonObject, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** How a value breaks the rule of its knob, if it does. */
export function brokenRule(rule: KnobRule, value: unknown): IssueCode | null {
  if (typeof rule !== "number") {
    if (typeof value !== "string") return "not_a_string";
    return rule.includes(value) ? null : "not_in_enum";
  }
  if (typeof value !== "bigint" && !Number.isSafeInteger(value))
    return Number.isInteger(value) ? "unsafe_integer" : "not_an_integer";
  const size = Number(value);
  if (size < rule) return "too_small";
  return size > 1e308 && String(value).length > maxDigits ? "integer_too_long" : null;
}
