import type { Located } from "../located.js";
import type { Context } from "./context.js";
import type { Fields } from "./objects.js";

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

/** Whether a value is a mapping. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
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
