import type { IssueCode } from "../../issue.js";
import { type Flaw, maxFlaws } from "../flaw.js";
import { type Located, describe } from "../located.js";
import { type Invalid, type Schema, invalid } from "./schema.js";

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

/** Notes that a value is not what a schema expects. */
export function mismatch(
  schema: Pick<Schema<unknown>, "expected">,
  node: Located,
  context: Context,
  hint?: string,
): Invalid {
  const found = describe(node);
  return context.add(node, { code: "wrong_type", expected: schema.expected, found, suggestion: hint });
}
