import { ManifestError } from "../errors.js";
import { type Located, list, map, scalar } from "./located.js";
import { maxDepth } from "./read-yaml.js";

/** A program's value as a located one without places. Throws for what no manifest can hold: functions, cycles. */
export function fromValue(value: unknown, depth = 1): Located {
  if (depth > maxDepth) throw wrong(`values nested at most ${maxDepth} levels deep`, "more, or a cycle");
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
      return scalar(value, null);
    case "undefined":
      return scalar(null, null);
    case "object": {
      if (value === null) return scalar(null, null);
      if (Array.isArray(value))
        return list(
          value.map((item) => fromValue(item, depth + 1)),
          null,
        );
      const entries = Object.entries(value).filter(([, one]) => one !== undefined);
      return map(
        entries.map(([key, one]) => ({ key, keyOffset: null, value: fromValue(one, depth + 1) })),
        null,
      );
    }
    default:
      throw wrong("plain data", `a ${typeof value}`);
  }
}

const wrong = (expected: string, found: string): ManifestError =>
  new ManifestError("invalid_argument", `a manifest holds ${expected}, found ${found}`);
