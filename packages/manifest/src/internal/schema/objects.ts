import { type Located, type LocatedMap, put, quoted } from "../located.js";
import { nearest } from "../nearest.js";
import { type Complaint, type Context, mismatch } from "./context.js";
import { type Definitions, type Invalid, type JsonSchema, type Schema, invalid, isRecord } from "./schema.js";

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
