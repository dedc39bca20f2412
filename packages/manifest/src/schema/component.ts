import {
  type Infer,
  type InferInput,
  type Schema,
  anything,
  defaulted,
  exactly,
  mapOf,
  object,
  optional,
  refined,
  required,
  string,
  tagged,
} from "../internal/schema.js";
import { type Located, type LocatedMap, entryOf, map, scalar } from "../internal/located.js";

/** A text that names something. */
export const path = string({ min: 1 });

/** Code of the user's in the place of a built-in component. */
const symbol = refined(path, (text, report) => {
  if (!/^(js:(?!#).+#[A-Za-z_$][\w$]*|python:[\w.]+:[A-Za-z_]\w*)$/.test(text))
    report({
      code: "wrong_type",
      expected: "js:./file.mjs#Export or python:module:Symbol",
      found: JSON.stringify(text.slice(0, 60)),
    });
});

/** A component that the user's own code makes; the manifest does not know what its configuration means. */
export interface CustomComponent {
  readonly ref: string;
  readonly impl: string;
  readonly config: Readonly<Record<string, unknown>>;
}

type Variants = Readonly<Record<string, Schema<unknown, unknown>>>;
type Built<V extends Variants> = {
  readonly [K in keyof V & string]: { readonly ref: K; readonly impl: null; readonly config: Infer<V[K]> };
}[keyof V & string];
type BuiltInput<V extends Variants> = {
  readonly [K in keyof V & string]: {
    readonly ref: K;
    readonly impl?: null | undefined;
    readonly config?: InferInput<V[K]> | undefined;
  };
}[keyof V & string];

/** A component as a program may write it. */
export type ComponentInput<V extends Variants> =
  | (keyof V & string)
  | BuiltInput<V>
  | { readonly ref: string; readonly impl: string; readonly config?: Readonly<Record<string, unknown>> | undefined };

/** A component: `ref` alone, or `{ ref, config }`, or `{ ref, impl, config }` for code of the user's. */
export function component<V extends Variants>(
  expected: string,
  configs: V,
): Schema<Built<V> | CustomComponent, ComponentInput<V>> {
  const custom = object(`${expected} of your own`, {
    ref: required(path, "Its name in reports."),
    impl: required(symbol, "js:./file.mjs#Export or python:module:Symbol."),
    config: defaulted(mapOf(anything()), {}, "What it is given."),
  });
  const variants = Object.fromEntries(
    Object.entries(configs).map(([ref, config]) => [ref, withConfig(ref, config)] as const),
  );
  const isCustom = (node: LocatedMap): boolean => {
    const impl = entryOf(node, "impl")?.value;
    return impl !== undefined && !(impl.kind === "scalar" && impl.value === null);
  };
  const union = tagged("ref", expected, variants, { otherwise: { takes: isCustom, schema: custom } });
  const long = (node: Located): Located =>
    node.kind === "scalar" && typeof node.value === "string"
      ? {
          ...map(
            [
              {
                key: "ref",
                keyOffset: node.offset,
                value: { ...scalar(node.value, node.offset), ...variableOf(node) },
              },
            ],
            node.offset,
          ),
          ...variableOf(node),
        }
      : node;
  return {
    expected,
    // The variants are built from `configs`, key by key.
    check: (node, context) => union.check(long(node), context) as Built<V> | CustomComponent,
    visit: (value, path, visitor) => {
      const isOwn = typeof value === "object" && value !== null && "impl" in value && value.impl !== null;
      if (!isOwn) union.visit?.(value, path, visitor);
    },
    json: (definitions) => ({
      anyOf: [{ enum: Object.keys(configs) }, ...((union.json(definitions)["anyOf"] as unknown[] | undefined) ?? [])],
    }),
  };
}

const variableOf = ({ variable }: Located): Pick<Located, "variable"> => (variable === undefined ? {} : { variable });

function withConfig(ref: string, config: Schema<unknown, unknown>): Schema<unknown, unknown> {
  const fields = {
    ref: required(exactly(ref), ""),
    impl: optional(symbol, "Nothing: this is a built-in."),
  };
  const full = object(ref, { ...fields, config: required(config, "Its configuration.") });
  return {
    expected: ref,
    check(node, context) {
      // A missing configuration is an empty one: what it lacks is said at its own keys.
      const isBare = node.kind === "map" && entryOf(node, "config") === undefined;
      const given = isBare
        ? {
            ...node,
            entries: [...node.entries, { key: "config", keyOffset: node.offset, value: map([], node.offset) }],
          }
        : node;
      return full.check(given, context);
    },
    json: (definitions) => full.json(definitions),
    visit: (value, path, visitor) => full.visit?.(value, path, visitor),
  };
}
