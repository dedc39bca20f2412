import { put } from "../located.js";
import { mismatch } from "./context.js";
import { orVariable } from "./scalars.js";
import { type Schema, invalid, isRecord } from "./schema.js";

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
