import { type Located, type LocatedMap, entryOf } from "../located.js";
import type { Complaint } from "./context.js";
import { type Schema, invalid } from "./schema.js";

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
