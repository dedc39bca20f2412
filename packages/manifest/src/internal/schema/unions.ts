import { type LocatedMap, describe, entryOf, quoted } from "../located.js";
import { nearest } from "../nearest.js";
import { mismatch } from "./context.js";
import { numericText, oneOf } from "./scalars.js";
import { type Infer, type InferInput, type Invalid, type Schema, isRecord } from "./schema.js";

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
