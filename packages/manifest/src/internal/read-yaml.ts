import {
  type Alias,
  Composer,
  type Document,
  LineCounter,
  type Node,
  Parser,
  type Pair,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
} from "yaml";
import { type Located, type LocatedEntry, list, map, scalar } from "./located.js";
import { type Flaw, maxFlaws } from "./flaw.js";
import { quoted } from "./located.js";

/** Characters in a manifest at most; the largest preset has less than a hundredth. */
export const maxCharacters = 1024 * 1024;
/** Levels of nesting at most; a transformer has about 20. */
export const maxDepth = 100;
/** Values in a manifest at most, each use of an alias and of a variable counted. */
export const maxValues = 200_000;

export interface ReadText {
  readonly root: Located | null;
  readonly flaws: readonly Flaw[];
  /** Line and column, from 1, of an offset. */
  readonly placeOf: (offset: number) => { readonly line: number; readonly column: number };
}

type Add = (flaw: Pick<Flaw, "code" | "expected" | "found"> & Partial<Flaw>) => void;

/** Reads YAML 1.2 (JSON included) into located values. Merge keys (`<<: *base`) work as in YAML 1.1. */
export function readYaml(source: string): ReadText {
  const lines = new LineCounter();
  const flaws: Flaw[] = [];
  const add: Add = (flaw) => {
    if (flaws.length < maxFlaws) flaws.push({ path: [], offset: null, ...flaw });
  };
  const placeOf = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const failed = (): ReadText => ({ root: null, flaws, placeOf });

  if (source.length > maxCharacters) {
    add({ code: "text_too_large", expected: `at most ${maxCharacters} characters`, found: String(source.length) });
    return failed();
  }
  const tooDeep = deepPlace(source);
  if (tooDeep !== null) {
    lines.addNewLine(0);
    for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) lines.addNewLine(at + 1);
    add({ code: "nesting_too_deep", expected: `at most ${maxDepth} levels`, found: "more", offset: tooDeep });
    return failed();
  }
  const documents = compose(source, lines);
  const [document, second] = documents;
  if (document === undefined) {
    add({ code: "empty", expected: "a mapping with the keys of a manifest", found: "nothing", offset: 0 });
    return failed();
  }
  for (const { message, pos } of [...document.errors, ...document.warnings])
    add({
      code: "syntax_error",
      expected: "YAML",
      found: quoted(message),
      offset: pos[0],
      sentence: sentenceOf(message),
    });
  if (second !== undefined)
    add({
      code: "syntax_error",
      expected: "one document",
      found: "another",
      offset: second.range[0],
      sentence: "expected one document, found another after ---",
    });
  if (flaws.length > 0) return failed();
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    add({ code: "empty", expected: "a mapping with the keys of a manifest", found: "nothing", offset: 0 });
    return failed();
  }
  const root = new Converter(add).convert(contents, []);
  return { root: flaws.some(({ code }) => code === "recursive_alias") ? null : root, flaws, placeOf };
}

function compose(source: string, lines: LineCounter): readonly Document.Parsed[] {
  const composer = new Composer({ version: "1.2", uniqueKeys: false, prettyErrors: false, logLevel: "silent" });
  const parser = new Parser(lines.addNewLine);
  return [...composer.compose(parser.parse(source))] as Document.Parsed[];
}

const sentenceOf = (message: string): string =>
  message
    .replace(/\s+/g, " ")
    .replace(/[^ -~]/g, "?")
    .slice(0, 300);

/**
 * Where the text is nested more deeply than {@link maxDepth}, found before the parser recurses into it: by open
 * brackets outside of comments and quotes, and by the indentation of block collections. null: nowhere.
 */
function deepPlace(source: string): number | null {
  let open = 0;
  const indents: number[] = [];
  let quote = "";
  let isLineStart = true;
  for (let at = 0; at < source.length; at++) {
    const char = source[at] ?? "";
    if (char === "\n") {
      isLineStart = true;
      continue;
    }
    if (quote !== "") {
      if (quote === '"' && char === "\\") at++;
      else if (char === quote) quote = "";
      continue;
    }
    if (isLineStart && open === 0) {
      // `- - - a` opens three collections; so does each deeper line.
      let column = at;
      const begin = source.lastIndexOf("\n", at - 1) + 1;
      while (source[column] === " ") column++;
      for (;;) {
        const indent = column - begin;
        const next = source[column + 1];
        while (indents.length > 0 && (indents.at(-1) ?? 0) > indent) indents.pop();
        if ((indents.at(-1) ?? -1) < indent && source[column] !== "\n" && source[column] !== "#") indents.push(indent);
        if (indents.length > maxDepth) return column;
        if (!/[-?:]/.test(source[column] ?? "") || (next !== " " && next !== undefined)) break;
        column += 2;
        while (source[column] === " ") column++;
      }
    }
    isLineStart = false;
    const before = at === 0 ? " " : (source[at - 1] ?? " ");
    if (char === "#" && /\s/.test(before)) {
      const end = source.indexOf("\n", at);
      if (end < 0) return null;
      at = end - 1;
    } else if ((char === '"' || char === "'") && /[\s[\]{},:]/.test(before)) quote = char;
    else if (char === "[" || char === "{") {
      if (++open > maxDepth) return at;
    } else if (char === "]" || char === "}") open = Math.max(0, open - 1);
  }
  return null;
}

/** From the parser's nodes to located values. */
class Converter {
  readonly #made = new Map<Node, Located>();
  readonly #open = new Set<Node>();
  readonly #anchors = new Map<string, Node>();
  readonly #add: Add;

  constructor(add: Add) {
    this.#add = add;
  }

  convert(node: unknown, path: readonly PropertyKey[]): Located {
    if (isAlias(node)) return this.#alias(node, path);
    const offset = offsetOf(node);
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node);
    if (isScalar(node)) {
      const { value } = node;
      if (typeof value === "bigint") return scalar(Number(value), offset);
      if (value === null || ["string", "number", "boolean"].includes(typeof value))
        return scalar(value as string | number | boolean | null, offset);
      // The core schema of YAML 1.2 gives nothing else.
      return scalar(null, offset);
    }
    if (!isMap(node) && !isSeq(node)) return scalar(null, offset);
    const before = this.#made.get(node);
    if (before !== undefined) return before;
    this.#open.add(node);
    const made = isMap(node)
      ? map(this.#entries(node.items, path), offset)
      : list(
          node.items.map((item, index) => this.convert(isPair(item) ? null : item, [...path, index])),
          offset,
        );
    this.#open.delete(node);
    this.#made.set(node, made);
    return made;
  }

  #entries(pairs: readonly Pair[], path: readonly PropertyKey[]): readonly LocatedEntry[] {
    const own = new Map<string, LocatedEntry>();
    const merged: LocatedEntry[] = [];
    for (const { key, value } of pairs) {
      const keyOffset = offsetOf(key) ?? offsetOf(value);
      const at = { path, offset: keyOffset };
      if (!isScalar(key)) {
        const sentence = "expected a text as the key, found something else; quote it if it is a text";
        this.#add({ code: "wrong_type", expected: "a text as the key", found: "something else", ...at, sentence });
        continue;
      }
      const name = key.source ?? (typeof key.value === "string" ? key.value : "");
      if (name === "<<" && key.type === "PLAIN" && value !== null) {
        for (const entry of this.#merged(value, [...path, name])) merged.push(entry);
        continue;
      }
      if (own.has(name)) {
        const sentence = `the key ${quoted(name)} is there already; keep one of the two`;
        this.#add({
          code: "duplicate_key",
          expected: "each key once",
          found: quoted(name),
          path: [...path, name],
          offset: keyOffset,
          sentence,
        });
        continue;
      }
      own.set(name, { key: name, keyOffset, value: this.convert(value, [...path, name]) });
    }
    for (const entry of merged) if (!own.has(entry.key)) own.set(entry.key, entry);
    return [...own.values()];
  }

  /** What `<<` brings: the entries of one mapping, or of several, the first of which counts. */
  #merged(value: unknown, path: readonly PropertyKey[]): readonly LocatedEntry[] {
    const source = this.convert(value, path);
    const maps = source.kind === "list" ? source.items : [source];
    return maps.flatMap((one) => {
      if (one.kind === "map") return one.entries;
      const sentence = "expected a mapping, or a list of mappings, after <<";
      this.#add({ code: "wrong_type", expected: "a mapping", found: one.kind, path, offset: one.offset, sentence });
      return [];
    });
  }

  #alias(node: Alias, path: readonly PropertyKey[]): Located {
    // The document's own way to find it walks over everything before.
    const target = this.#anchors.get(node.source);
    const offset = offsetOf(node);
    if (target === undefined) {
      const sentence = `there is no anchor &${node.source} before this`;
      this.#add({ code: "syntax_error", expected: "an anchor", found: quoted(node.source), path, offset, sentence });
      return scalar(null, offset);
    }
    if (this.#open.has(target)) {
      const sentence = `the alias *${quoted(node.source).slice(1, -1)} is inside of what it stands for`;
      this.#add({ code: "recursive_alias", expected: "values without a cycle", found: "one", path, offset, sentence });
      return scalar(null, offset);
    }
    return this.convert(target, path);
  }
}

function offsetOf(node: unknown): number | null {
  return typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : null;
}
