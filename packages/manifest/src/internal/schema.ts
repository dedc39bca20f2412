import type { IssueCode } from "../issue.js";
import { type Flaw, maxFlaws } from "./flaw.js";
import { type Located, type LocatedMap, describe, entryOf, plainValue, put, quoted } from "./located.js";
import { nearest } from "./nearest.js";

/*
 * The manifest's schema as data: one table of fields gives the types, the reader, the JSON Schema for editors and the
 * tables of the reference page. zod would give the first three, but neither places in a text nor values that say
 * which variable they come from, and importing it takes longer than all of checking.
 */

/** What {@link Schema.check} gives for a value that is wrong; the flaws say why. */
export const invalid: unique symbol = Symbol("invalid");
export type Invalid = typeof invalid;

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Reads a located value as an `Out`. `In` is what a program may write for it. */
export interface Schema<Out, In = Out> {
  /** In words, after "expected". */
  readonly expected: string;
  check(node: Located, context: Context): Out | Invalid;
  json(definitions: Definitions): JsonSchema;
  /** Tells of every object in a checked value, the outer ones first; nothing where there can be none. */
  visit?(value: unknown, path: readonly PropertyKey[], visitor: Visitor): void;
  /** Never there; carries the types. */
  readonly types?: { readonly out: Out; readonly in: In };
}

/** What is told of an object in a checked value. */
export type Visitor = (
  name: string,
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
  path: readonly PropertyKey[],
) => void;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The type that a schema gives. */
export type Infer<S> = S extends Schema<infer Out, unknown> ? Out : never;
/** The type that a program may write. */
export type InferInput<S> = S extends Schema<unknown, infer In> ? In : never;

/** The named parts of a JSON Schema. */
export class Definitions {
  readonly schemas = new Map<string, JsonSchema>();
  /** The fields of every object that was met, by its name. */
  readonly objects = new Map<string, Fields>();

  /** A reference to the part `name`, which is made when it is first named. */
  reference(title: string, make: () => JsonSchema): JsonSchema {
    const name = title.replace(/[^A-Za-z0-9_.-]+/g, "_");
    if (!this.schemas.has(name)) {
      this.schemas.set(name, {});
      this.schemas.set(name, make());
    }
    return { $ref: `#/$defs/${name}` };
  }

  /** What a reference stands for; other schemas stand for themselves. */
  resolve(schema: JsonSchema): JsonSchema {
    const { $ref } = schema;
    return typeof $ref === "string" ? (this.schemas.get($ref.replace("#/$defs/", "")) ?? schema) : schema;
  }
}

/** What a check says is wrong, at a path below the value it looks at. */
export interface Complaint {
  readonly code: IssueCode;
  readonly path?: readonly PropertyKey[];
  readonly expected: string;
  readonly found: string;
  readonly suggestion?: string | undefined;
  readonly sentence?: string;
}

/** Where a check is, and what it has found. */
export class Context {
  readonly flaws: Flaw[] = [];
  readonly path: PropertyKey[] = [];
  /** Values whose flaw was noted already: nothing more is said of them. */
  readonly holes = new WeakSet<object>();
  readonly #seen = new Set<string>();

  get isFull(): boolean {
    return this.flaws.length >= maxFlaws;
  }

  /** Runs `check` one step further down the path. */
  at<T>(key: PropertyKey, check: () => T): T {
    this.path.push(key);
    try {
      return check();
    } finally {
      this.path.pop();
    }
  }

  /** Notes a flaw of `node`; the same flaw of the same text (an anchor used twice) is noted once. */
  add(node: Pick<Located, "offset" | "variable">, complaint: Complaint, offset = node.offset): Invalid {
    if (this.holes.has(node)) return invalid;
    const { path = [], ...rest } = complaint;
    const flaw: Flaw = { ...rest, path: [...this.path, ...path], offset, variable: node.variable };
    const key = offset === null ? null : JSON.stringify([offset, flaw.code, flaw.expected, flaw.found, flaw.sentence]);
    if (this.isFull || (key !== null && this.#seen.has(key))) return invalid;
    if (key !== null) this.#seen.add(key);
    this.flaws.push(flaw);
    return invalid;
  }
}

function mismatch(schema: Pick<Schema<unknown>, "expected">, node: Located, context: Context, hint?: string): Invalid {
  const found = describe(node);
  return context.add(node, { code: "wrong_type", expected: schema.expected, found, suggestion: hint });
}

// ---- scalars ----

const variablePattern = "\\$\\{[A-Za-z0-9_]+\\}";
const numberPattern = "^\\s*[+-]?(\\d[\\d_]*\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?\\s*$";
const numericText = new RegExp(numberPattern);

/** In editors every value may also be a variable. */
function orVariable(schema: JsonSchema): JsonSchema {
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

// ---- lists, mappings ----

/** Lists with at least `min` elements; `single` also takes one element without the brackets. */
export function listOf<Out, In>(
  item: Schema<Out, In>,
  { min = 0, single = false }: { readonly min?: number; readonly single?: boolean } = {},
): Schema<readonly Out[], readonly In[]> {
  const schema: Schema<readonly Out[], readonly In[]> = {
    expected: min > 0 ? "a list that is not empty" : single ? `${item.expected} or a list` : "a list",
    check(node, context) {
      if (node.kind !== "list") {
        if (!single) return mismatch(schema, node, context);
        const only = item.check(node, context);
        return only === invalid ? invalid : [only];
      }
      if (node.items.length < min) return mismatch(schema, node, context);
      const values: Out[] = [];
      let isGood = true;
      for (const [index, one] of node.items.entries()) {
        if (context.isFull) return invalid;
        const value = context.at(index, () => item.check(one, context));
        if (value === invalid) isGood = false;
        else values.push(value);
      }
      return isGood ? values : invalid;
    },
    json(definitions) {
      const items = item.json(definitions);
      const array = { type: "array", items, ...(min > 0 ? { minItems: min } : {}) };
      return single ? { anyOf: [items, array] } : orVariable(array);
    },
    visit(value, path, visitor) {
      if (!Array.isArray(value)) return;
      for (const [index, one] of value.entries()) item.visit?.(one, [...path, index], visitor);
    },
  };
  return schema;
}

/** One value for both directions, or one for each. */
export function pairOf(
  item: Schema<number, number | string>,
): Schema<readonly [number, number], number | readonly number[]> {
  const values = listOf(item, { single: true });
  const schema: Schema<readonly [number, number], number | readonly number[]> = {
    expected: `${item.expected}, or a list of two`,
    check(node, context) {
      if (node.kind === "list" && node.items.length !== 2) return mismatch(schema, node, context);
      const found = values.check(node, context);
      if (found === invalid) return invalid;
      const [first = 0, second = first] = found;
      return [first, second];
    },
    json: (definitions) => values.json(definitions),
  };
  return schema;
}

/** Mappings from any text to values of one kind. */
export function mapOf<Out, In>(
  value: Schema<Out, In>,
  expected = "a mapping",
): Schema<Readonly<Record<string, Out>>, Readonly<Record<string, In>>> {
  const schema: Schema<Readonly<Record<string, Out>>, Readonly<Record<string, In>>> = {
    expected,
    check(node, context) {
      if (node.kind !== "map") return mismatch(schema, node, context);
      const result: Record<string, Out> = {};
      let isGood = true;
      for (const { key, value: child } of node.entries) {
        if (context.isFull) return invalid;
        const one = context.at(key, () => value.check(child, context));
        if (one === invalid) isGood = false;
        else put(result, key, one);
      }
      return isGood ? result : invalid;
    },
    json: (definitions) => orVariable({ type: "object", additionalProperties: value.json(definitions) }),
    visit(found, path, visitor) {
      if (isRecord(found)) for (const [key, one] of Object.entries(found)) value.visit?.(one, [...path, key], visitor);
    },
  };
  return schema;
}

// ---- objects ----

/** One key of an object. */
export interface Field<Out, In, Need extends "required" | "optional"> {
  readonly schema: Schema<Out, In>;
  readonly need: Need;
  /** The value when the key is not there. */
  readonly fallback?: Out;
  readonly nullable: boolean;
  /** One line for editors and the reference page. */
  readonly does: string;
  /** Other names of the key. */
  readonly aliases: readonly string[];
}

// Variance: a field of any types fits here, since only its shape is used.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyField = Field<any, any, "required" | "optional">;
type Need = "required" | "optional";
export type Fields = Readonly<Record<string, AnyField>>;

type Flat<T> = { readonly [K in keyof T]: T[K] };
type OutOf<F extends Fields> = Flat<{ [K in keyof F]: F[K] extends Field<infer Out, unknown, Need> ? Out : never }>;
type InOf<F extends Fields> = Flat<
  {
    [K in keyof F as F[K]["need"] extends "required" ? K : never]: F[K] extends Field<unknown, infer In, Need>
      ? In
      : never;
  } & {
    [K in keyof F as F[K]["need"] extends "required" ? never : K]?:
      (F[K] extends Field<unknown, infer In, Need> ? In : never) | undefined;
  }
>;

/** A key that must be there. */
export function required<Out, In>(
  schema: Schema<Out, In>,
  does: string,
  aliases: readonly string[] = [],
): Field<Out, In, "required"> {
  return { schema, need: "required", nullable: false, does, aliases };
}

/** A key that may be missing: then it has `fallback`. */
export function defaulted<Out, In>(
  schema: Schema<Out, In>,
  fallback: Out,
  does: string,
  aliases: readonly string[] = [],
): Field<Out, In, "optional"> {
  return { schema, need: "optional", fallback, nullable: false, does, aliases };
}

/** A key that may be missing or null: then it is null. */
export function optional<Out, In>(
  schema: Schema<Out, In>,
  does: string,
  aliases: readonly string[] = [],
): Field<Out | null, In | null, "optional"> {
  // A schema that also takes null is a schema of both: `check` sees to null before it is asked.
  const both = schema as Schema<Out | null, In | null>;
  return { schema: both, need: "optional", fallback: null, nullable: true, does, aliases };
}

export interface ObjectSchema<F extends Fields> extends Schema<OutOf<F>, InOf<F>> {
  readonly name: string;
  readonly fields: F;
  /** As `check`, where the value of a `type` key was looked at already. */
  checkMap(node: LocatedMap, context: Context): OutOf<F> | Invalid;
}

/** Objects with these keys and no others. `name` is their name in the JSON Schema and in errors. */
export function object<const F extends Fields>(name: string, fields: F): ObjectSchema<F> {
  const known = new Map<string, string>();
  for (const [key, { aliases }] of Object.entries(fields)) {
    for (const alias of aliases) known.set(alias, key);
    known.set(key, key);
  }
  const schema: ObjectSchema<F> = {
    name,
    fields,
    expected: `a mapping (${name})`,
    check: (node, context) => (node.kind === "map" ? schema.checkMap(node, context) : mismatch(schema, node, context)),
    checkMap(node, context) {
      const found = new Map<string, Located>();
      let isGood = true;
      for (const { key, keyOffset, value } of node.entries) {
        const canonical = known.get(key);
        if (canonical !== undefined && !found.has(canonical)) {
          found.set(canonical, value);
          continue;
        }
        isGood = false;
        if (context.isFull) return invalid;
        if (canonical === undefined) context.add(node, unknownKey(key, name, Object.keys(fields)), keyOffset);
        else context.add(node, twice(key, canonical), keyOffset);
      }
      const result: Record<string, unknown> = {};
      for (const [key, field] of Object.entries<AnyField>(fields)) {
        const value = found.get(key);
        if (value === undefined || (field.nullable && value.kind === "scalar" && value.value === null)) {
          if (field.need === "optional") put(result, key, field.fallback);
          else {
            isGood = false;
            context.add(node, missingKey(key, field, name));
          }
          continue;
        }
        const one: unknown = context.at(key, (): unknown => field.schema.check(value, context));
        if (one === invalid) isGood = false;
        else put(result, key, one);
      }
      // Every field was either read or given its fallback.
      return isGood ? (result as OutOf<F>) : invalid;
    },
    json: (definitions) => {
      definitions.objects.set(name, fields);
      return definitions.reference(name, () => objectJson(fields, definitions));
    },
    visit(value, path, visitor) {
      if (!isRecord(value)) return;
      visitor(name, fields, value, path);
      for (const [key, field] of Object.entries<AnyField>(fields))
        field.schema.visit?.(value[key], [...path, key], visitor);
    },
  };
  return schema;
}

function objectJson(fields: Fields, definitions: Definitions): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const [key, { schema, does, nullable, fallback, aliases }] of Object.entries<AnyField>(fields)) {
    const own = schema.json(definitions);
    const value: JsonSchema = {
      ...(nullable ? { anyOf: [own, { type: "null" }] } : own),
      ...(does === "" ? {} : { description: does }),
      ...(fallback === undefined ? {} : { default: fallback as unknown }),
    };
    for (const name of [key, ...aliases]) properties[name] = value;
  }
  const needed = Object.entries<AnyField>(fields).filter(([, { need }]) => need === "required");
  const plain = needed.filter(([, { aliases }]) => aliases.length === 0).map(([key]) => key);
  const either = needed.filter(([, { aliases }]) => aliases.length > 0);
  return {
    type: "object",
    properties,
    additionalProperties: false,
    ...(plain.length > 0 ? { required: plain } : {}),
    ...(either.length > 0
      ? {
          allOf: either.map(([key, { aliases }]) => ({
            oneOf: [key, ...aliases].map((name) => ({ required: [name] })),
          })),
        }
      : {}),
  };
}

function unknownKey(key: string, name: string, keys: readonly string[]): Complaint {
  const suggestion = nearest(key, keys);
  return {
    code: "unknown_key",
    path: [key],
    expected: `a key of ${name}`,
    found: quoted(key),
    suggestion,
    sentence:
      `unknown key ${quoted(key)} in ${name}` +
      (suggestion === undefined ? `; its keys are ${keys.join(", ")}` : `; did you mean ${suggestion}?`),
  };
}

function missingKey(key: string, { schema }: AnyField, name: string): Complaint {
  return {
    code: "missing_key",
    path: [key],
    expected: schema.expected,
    found: "nothing",
    sentence: `${name} needs the key ${quoted(key)}: ${schema.expected}`,
  };
}

function twice(key: string, canonical: string): Complaint {
  return {
    code: "duplicate_key",
    path: [key],
    expected: `one of the two names of ${quoted(canonical)}`,
    found: quoted(key),
    sentence: `${quoted(key)} is another name of ${quoted(canonical)}, which is there already`,
  };
}

// ---- unions ----

/** Objects told apart by the text under `key` (`type`, `ref` or `op`). */
export function tagged<T extends Readonly<Record<string, Schema<unknown, unknown>>>>(
  key: string,
  expected: string,
  variants: T,
  {
    aliases = {},
    otherwise,
  }: {
    readonly aliases?: Readonly<Record<string, string>>;
    /** Takes a mapping whose tag is none of the variants' (undefined: it cannot). */
    readonly otherwise?: { takes(node: LocatedMap): boolean; readonly schema: Schema<unknown, unknown> };
  } = {},
): Schema<Infer<T[keyof T]>, InferInput<T[keyof T]>> {
  type Out = Infer<T[keyof T]>;
  const names = Object.keys(variants);
  const schema: Schema<Out, InferInput<T[keyof T]>> = {
    expected,
    check(node, context) {
      if (node.kind !== "map") return mismatch(schema, node, context);
      // What a variant checks is one member of the union of all of them.
      if (otherwise?.takes(node) === true) return otherwise.schema.check(node, context) as Out | Invalid;
      const tag = entryOf(node, key);
      const valid = `one of ${names.join(", ")}`;
      if (tag === undefined)
        return context.add(node, {
          code: "missing_key",
          path: [key],
          expected: valid,
          found: "nothing",
          sentence: `${expected} needs the key ${quoted(key)}: ${valid}`,
        });
      const text = tag.value.kind === "scalar" && typeof tag.value.value === "string" ? tag.value.value : undefined;
      const name = text !== undefined && Object.hasOwn(aliases, text) ? aliases[text] : text;
      const variant = name !== undefined && Object.hasOwn(variants, name) ? variants[name] : undefined;
      if (name === undefined || variant === undefined)
        return context.at(key, () =>
          context.add(tag.value, {
            code: text === undefined ? "wrong_type" : "not_in_enum",
            expected: valid,
            found: describe(tag.value),
            suggestion: text === undefined ? undefined : nearestTag(text, names, aliases),
          }),
        );
      const renamed = name === text ? node : withTag(node, key, name);
      return variant.check(renamed, context) as Out | Invalid;
    },
    json: (definitions) => ({
      anyOf: [
        ...Object.values(variants).map((variant) => variant.json(definitions)),
        ...(otherwise === undefined ? [] : [otherwise.schema.json(definitions)]),
      ],
    }),
    visit(value, path, visitor) {
      const tag = isRecord(value) ? value[key] : undefined;
      if (typeof tag === "string" && Object.hasOwn(variants, tag)) variants[tag]?.visit?.(value, path, visitor);
    },
  };
  return schema;
}

function nearestTag(
  text: string,
  names: readonly string[],
  aliases: Readonly<Record<string, string>>,
): string | undefined {
  const meant = nearest(text, [...names, ...Object.keys(aliases)]) ?? names.find((name) => name.includes(text));
  return meant !== undefined && Object.hasOwn(aliases, meant) ? aliases[meant] : meant;
}

function withTag(node: LocatedMap, key: string, name: string): LocatedMap {
  const rename = ({ value, ...entry }: LocatedMap["entries"][number]): LocatedMap["entries"][number] =>
    entry.key === key && value.kind === "scalar" ? { ...entry, value: { ...value, value: name } } : { ...entry, value };
  return { ...node, entries: node.entries.map(rename) };
}

/** One of a few words, or something else. */
export function wordOr<const W extends string, Out, In>(
  words: readonly W[],
  other: Schema<Out, In>,
): Schema<W | Out, W | In> {
  const word = oneOf(words);
  const expected = `${words.map((one) => quoted(one)).join(", ")} or ${other.expected}`;
  return {
    expected,
    check(node, context) {
      const found = node.kind === "scalar" ? words.find((one) => one === node.value) : undefined;
      if (found !== undefined) return found;
      if (node.kind === "scalar" && typeof node.value === "string" && !numericText.test(node.value))
        return context.add(node, {
          code: "not_in_enum",
          expected,
          found: describe(node),
          suggestion: nearest(node.value, words),
        });
      return other.check(node, context);
    },
    json: (definitions) => ({ anyOf: [word.json(definitions), other.json(definitions)] }),
  };
}

/** A schema that is made when it is first used: for values that contain values of their own kind. */
export function lazy<Out, In>(expected: string, make: () => Schema<Out, In>): Schema<Out, In> {
  let made: Schema<Out, In> | undefined;
  const get = (): Schema<Out, In> => (made ??= make());
  return {
    expected,
    check: (node, context) => get().check(node, context),
    json: (definitions) => get().json(definitions),
    visit: (value, path, visitor) => get().visit?.(value, path, visitor),
  };
}

/** Says what is wrong with a value that has the right form. */
export type Report = (complaint: Complaint) => void;

/** `schema`, and then a look at what it gave; paths of complaints are below the value. */
export function refined<Out, In>(schema: Schema<Out, In>, look: (value: Out, report: Report) => void): Schema<Out, In> {
  return {
    ...schema,
    check(node, context) {
      const value = schema.check(node, context);
      if (value === invalid) return invalid;
      const complaints: Complaint[] = [];
      look(value, (complaint) => void complaints.push(complaint));
      for (const complaint of complaints) context.add(placeOf(node, complaint.path ?? []), complaint);
      return complaints.length === 0 ? value : invalid;
    },
  };
}

/** `schema`, and then another value made of what it gave. */
export function mapped<Out, In, Next>(schema: Schema<Out, In>, convert: (value: Out) => Next): Schema<Next, In> {
  return {
    expected: schema.expected,
    check(node, context) {
      const value = schema.check(node, context);
      return value === invalid ? invalid : convert(value);
    },
    json: (definitions) => schema.json(definitions),
    visit: (value, path, visitor) => schema.visit?.(value, path, visitor),
  };
}

/** Other names of keys, for finding places by the names that a checked manifest has. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  layers: ["nodes"],
  r: ["rank"],
  image_size: ["img_size"],
};

/** The value at `path` below `node`, or the nearest one around it that is there. */
export function placeOf(node: Located, path: readonly PropertyKey[]): Located {
  let place = node;
  for (const key of path) {
    const next =
      place.kind === "list"
        ? place.items[Number(key)]
        : place.kind === "map"
          ? [String(key), ...(otherNames[String(key)] ?? [])]
              .map((name) => entryOf(place as LocatedMap, name))
              .find(Boolean)?.value
          : undefined;
    if (next === undefined) return place;
    // Inside a variable's value, the variable is still where it came from.
    place = next.variable === undefined && place.variable !== undefined ? { ...next, variable: place.variable } : next;
  }
  return place;
}
