import { describe, plainValue, quoted } from "../located.js";
import { nearest } from "../nearest.js";
import { mismatch } from "./context.js";
import type { JsonSchema, Schema } from "./schema.js";

const variablePattern = "\\$\\{[A-Za-z0-9_]+\\}";
const numberPattern = "^\\s*[+-]?(\\d[\\d_]*\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?\\s*$";
/** Texts that are numbers. */
export const numericText = new RegExp(numberPattern);

/** In editors every value may also be a variable. */
export function orVariable(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: "string", pattern: `^${variablePattern}$` }] };
}

/** Texts, at least `min` characters long. */
export function string({ min = 0 }: { readonly min?: number } = {}): Schema<string> {
  const schema: Schema<string> = {
    expected: min > 0 ? "a text that is not empty" : "a text",
    check(node, context) {
      if (node.kind !== "scalar") return mismatch(schema, node, context);
      if (typeof node.value !== "string")
        return mismatch(schema, node, context, node.value === null ? undefined : quoted(String(node.value)));
      return node.value.trim().length >= min ? node.value : mismatch(schema, node, context);
    },
    json: () => ({ type: "string", ...(min > 0 ? { minLength: min } : {}) }),
  };
  return schema;
}

/** true and false, also as YAML 1.1 writes them: yes, no, on, off. */
export function boolean(): Schema<boolean> {
  const words: Readonly<Record<string, boolean>> = {
    true: true,
    yes: true,
    on: true,
    false: false,
    no: false,
    off: false,
  };
  const schema: Schema<boolean> = {
    expected: "true or false",
    check(node, context) {
      if (node.kind !== "scalar") return mismatch(schema, node, context);
      if (typeof node.value === "boolean") return node.value;
      const word = typeof node.value === "string" ? node.value.toLowerCase() : "";
      return (Object.hasOwn(words, word) ? words[word] : undefined) ?? mismatch(schema, node, context);
    },
    json: (definitions) =>
      definitions.reference("boolean", () => orVariable({ enum: [true, false, "yes", "no", "on", "off"] })),
  };
  return schema;
}

interface Range {
  /** Whole numbers only. */
  readonly whole?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Larger than this. */
  readonly above?: number;
}

/** No dimension, count or step of a model that fits into a machine is larger. */
export const largest = 2 ** 31 - 1;

/** Finite numbers in a range, also written as a text (`"1e-5"`, which is a text to YAML 1.1, and `1_000`). */
export function number({ whole = false, min, max = whole ? largest : undefined, above }: Range = {}): Schema<
  number,
  number | string
> {
  const bounds = [
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(max === undefined || max === largest ? [] : [`at most ${max}`]),
  ];
  const schema: Schema<number, number | string> = {
    expected: [whole ? "a whole number" : "a number", ...(bounds.length > 0 ? [bounds.join(" and ")] : [])].join(" "),
    check(node, context) {
      if (node.kind !== "scalar") return mismatch(schema, node, context);
      const { value: raw } = node;
      const value = typeof raw === "string" && numericText.test(raw) ? Number(raw.replaceAll("_", "")) : raw;
      if (typeof value !== "number" || !Number.isFinite(value) || (whole && !Number.isInteger(value)))
        return mismatch(schema, node, context);
      const isOutside =
        (min !== undefined && value < min) ||
        (above !== undefined && value <= above) ||
        (max !== undefined && value > max);
      if (!isOutside) return value === 0 ? 0 : value;
      const expected = value > largest && max === largest ? `${schema.expected} and at most ${max}` : schema.expected;
      return context.add(node, { code: "out_of_range", expected, found: describe(node) });
    },
    json: (definitions) =>
      definitions.reference([schema.expected, ...(max === largest ? ["31 bits"] : [])].join(" "), () => ({
        anyOf: [
          {
            type: whole ? "integer" : "number",
            ...(min === undefined ? {} : { minimum: min }),
            ...(above === undefined ? {} : { exclusiveMinimum: above }),
            ...(max === undefined ? {} : { maximum: max }),
          },
          { type: "string", pattern: `${variablePattern}|${numberPattern}` },
        ],
      })),
  };
  return schema;
}

export const positiveInteger = number({ whole: true, min: 1 });
export const naturalNumber = number({ whole: true, min: 0 });
export const wholeNumber = number({ whole: true, min: -largest });
export const positiveNumber = number({ above: 0 });
export const nonNegativeNumber = number({ min: 0 });
export const probability = number({ min: 0, max: 1 });
/** Seeds of random generators. */
export const seedNumber = number({ whole: true, min: 0, max: Number.MAX_SAFE_INTEGER });

/** One of a few words; `aliases` are other spellings of some. */
export function oneOf<const V extends string>(
  values: readonly V[],
  aliases: Readonly<Record<string, V>> = {},
): Schema<V> {
  const schema: Schema<V> = {
    expected:
      values.length === 1 ? quoted(values[0] ?? "") : `one of ${values.map((value) => quoted(value)).join(", ")}`,
    check(node, context) {
      const text = node.kind === "scalar" ? node.value : undefined;
      if (typeof text !== "string") return mismatch(schema, node, context);
      const value = values.find((one) => one === text) ?? (Object.hasOwn(aliases, text) ? aliases[text] : undefined);
      if (value !== undefined) return value;
      const meant = nearest(text, [...values, ...Object.keys(aliases)]);
      const suggestion = meant !== undefined && Object.hasOwn(aliases, meant) ? aliases[meant] : meant;
      return context.add(node, { code: "not_in_enum", expected: schema.expected, found: describe(node), suggestion });
    },
    json: () => orVariable({ enum: [...values, ...Object.keys(aliases)] }),
  };
  return schema;
}

/** Any value, as it is. */
export function anything(expected = "any value"): Schema<unknown> {
  return { expected, check: (node) => plainValue(node), json: () => ({}) };
}

/** A value that must be exactly this one. */
export function exactly<const V extends string | number>(wanted: V): Schema<V> {
  const schema: Schema<V> = {
    expected: quoted(wanted),
    check: (node, context) =>
      node.kind === "scalar" && node.value === wanted ? wanted : mismatch(schema, node, context),
    json: () => ({ const: wanted }),
  };
  return schema;
}
