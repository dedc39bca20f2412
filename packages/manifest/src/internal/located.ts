/** A value of a manifest that knows where it was written. Aliases and variables share nodes; nothing is ever changed. */
export type Located = LocatedScalar | LocatedList | LocatedMap;

export interface LocatedScalar extends Spot {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
}

export interface LocatedList extends Spot {
  readonly kind: "list";
  readonly items: readonly Located[];
}

export interface LocatedMap extends Spot {
  readonly kind: "map";
  readonly entries: readonly LocatedEntry[];
}

export interface LocatedEntry {
  readonly key: string;
  /** Where the key is written. */
  readonly keyOffset: number | null;
  readonly value: Located;
}

interface Spot {
  /** From 0, in UTF-16 code units; null for values that came from no text. */
  readonly offset: number | null;
  /** The variable that put this value here, and where its value is written. */
  readonly variable?: { readonly name: string; readonly offset: number | null };
  /** Values in here, itself included, each use of an alias counted: what a walk over it costs. */
  readonly size: number;
  /** Levels of nesting, 1 for a scalar. */
  readonly depth: number;
}

export function scalar(value: LocatedScalar["value"], offset: number | null): LocatedScalar {
  return { kind: "scalar", value, offset, size: 1, depth: 1 };
}

export function list(items: readonly Located[], offset: number | null): LocatedList {
  return { kind: "list", items, offset, ...extent(items) };
}

export function map(entries: readonly LocatedEntry[], offset: number | null): LocatedMap {
  return { kind: "map", entries, offset, ...extent(entries.map(({ value }) => value)) };
}

function extent(children: readonly Located[]): { readonly size: number; readonly depth: number } {
  let [size, depth] = [1, 1];
  for (const child of children) {
    size += child.size;
    depth = Math.max(depth, child.depth + 1);
  }
  return { size, depth };
}

/** The value under `key`, if it is there. */
export function entryOf(node: LocatedMap, key: string): LocatedEntry | undefined {
  return node.entries.find((entry) => entry.key === key);
}

/** What `node` is as plain data. Mappings have no prototype's keys: `__proto__` is a key like any other. */
export function plainValue(node: Located): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plainValue);
  const value: Record<string, unknown> = {};
  for (const { key, value: child } of node.entries) put(value, key, plainValue(child));
  return value;
}

/** Sets an own property, also one called `__proto__`. */
export function put(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/** What was found, in a few words: `a list of 3`, `"abc"`. */
export function describe(node: Located): string {
  if (node.kind === "list") return node.items.length === 1 ? "a list of 1" : `a list of ${node.items.length}`;
  if (node.kind === "map") return "a mapping";
  if (node.value === null) return "nothing";
  return quoted(node.value);
}

/** A scalar as JSON, cut where it is long, in ASCII. */
export function quoted(value: string | number | boolean): string {
  if (typeof value === "number") return String(value);
  const text = typeof value === "string" && value.length > 60 ? `${value.slice(0, 60)}...` : value;
  return JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
