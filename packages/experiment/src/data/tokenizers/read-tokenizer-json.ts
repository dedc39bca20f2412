import { ExperimentError } from "../../errors.js";
import { BytePairs, GPT2_WORDS, bytesToText } from "./byte-pairs.js";
import type { Tokenizer } from "./tokenizer.js";

interface TokenizerJson {
  readonly model?: {
    readonly type?: string;
    readonly vocab?: Readonly<Record<string, number>>;
    readonly merges?: readonly (string | readonly [string, string])[];
    readonly ignore_merges?: boolean;
  };
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly added_tokens?:
    readonly { readonly id: number; readonly content: string; readonly special?: boolean }[] | null;
}

interface PreTokenizer {
  readonly type?: string;
  readonly pattern?: { readonly Regex?: string; readonly String?: string };
  readonly behavior?: string;
  readonly invert?: boolean;
  readonly add_prefix_space?: boolean;
  readonly use_regex?: boolean;
  readonly pretokenizers?: readonly PreTokenizer[];
}

/**
 * A tokenizer.json of Hugging Face with byte-level BPE, as GPT-2, Llama 3 and their kin have it. Throws `invalid_file`
 * for what is none, and `unsupported`, with its name, for a part this reader does not know: it never encodes differently
 * in silence.
 */
export function readTokenizerJson(text: string, name: string): Tokenizer {
  const document = documentOf(text, name);
  const { model } = document;
  const added = document.added_tokens ?? [];
  if (model?.vocab === undefined || model.merges === undefined) {
    throw new ExperimentError(
      "unsupported",
      `${name}: expected a BPE model with vocab and merges, found ${model?.type ?? "none"}`,
    );
  }
  if (document.normalizer !== null && document.normalizer !== undefined) {
    throw new ExperimentError("unsupported", `${name}: this reader knows no normalizer`);
  }
  const { words, prefixSpace } = wordsOf(document.pre_tokenizer as PreTokenizer | undefined, name);
  const toChar = byteCharacters();
  const fromChar = new Map(toChar.map((c, byte) => [c, byte]));
  const ids = new Map(Object.entries(model.vocab));
  const ranks = new Map(
    model.merges.map((merge, rank) => [typeof merge === "string" ? merge : merge.join(" "), rank] as const),
  );
  const pairs = new BytePairs((left, right) => ranks.get(`${left} ${right}`));
  const specials = new Map(added.map(({ content, id }) => [content, id]));
  const pieces = new Map([...ids].map(([piece, id]) => [id, piece]));
  const special = new Map(added.map(({ content, id }) => [id, content]));
  const encodeWord = (word: string): number[] => {
    const mapped = Array.from(bytesToText(new TextEncoder().encode(word)), (c) => toChar[c.charCodeAt(0)] ?? "").join(
      "",
    );
    const whole = model.ignore_merges === true ? ids.get(mapped) : undefined;
    if (whole !== undefined) return [whole];
    return pairs.split(mapped).map((piece) => {
      const id = ids.get(piece);
      if (id === undefined)
        throw new ExperimentError("invalid_file", `${name}: there is no id for ${JSON.stringify(piece)}`);
      return id;
    });
  };
  const encodePlain = (part: string): number[] => {
    if (part === "") return [];
    const spaced = prefixSpace && !part.startsWith(" ") ? ` ${part}` : part;
    return words(spaced).flatMap(encodeWord);
  };
  return {
    name: "hf-json",
    // There may be more ids than a call takes arguments.
    vocab_size: [...ids.values(), ...specials.values()].reduce((a, b) => Math.max(a, b), 0) + 1,
    eos_id: endOf(specials),
    encode: (whole) => splitAround(whole, specials, encodePlain),
    decode(list) {
      let out = "";
      let bytes: number[] = [];
      const flush = (): void => {
        out += new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
        bytes = [];
      };
      for (const id of list) {
        const token = special.get(id);
        if (token === undefined) for (const c of pieces.get(id) ?? "") bytes.push(fromChar.get(c) ?? 63);
        else {
          flush();
          out += token;
        }
      }
      flush();
      return out;
    },
  };
}

/** The document, of whose parts only those that are read here are looked at. Throws `invalid_file` with the one that is none. */
function documentOf(text: string, name: string): TokenizerJson {
  const bad = (what: string, cause?: unknown): ExperimentError =>
    new ExperimentError("invalid_file", `${name}: ${what}`, { cause });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw bad("this is no JSON", cause);
  }
  const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const isId = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  const isMerge = (value: unknown): boolean =>
    typeof value === "string" ||
    (Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string"));
  const isAdded = (value: unknown): boolean =>
    isObject(value) && isId(value["id"]) && typeof value["content"] === "string";
  if (!isObject(document)) throw bad("expected a JSON object");
  const { model, added_tokens: added } = document;
  if (isObject(model)) {
    const { vocab, merges } = model;
    const isBpe = vocab !== undefined && merges !== undefined;
    if (isBpe && !(isObject(vocab) && Object.values(vocab).every(isId))) throw bad("expected a vocab of ids by token");
    if (isBpe && !(Array.isArray(merges) && merges.every(isMerge))) throw bad("expected merges of two tokens each");
  } else if (model !== undefined) throw bad("expected the model to be a mapping");
  if (added !== undefined && added !== null && !(Array.isArray(added) && added.every(isAdded))) {
    throw bad("expected added_tokens with an id and a content each");
  }
  return document;
}

const ENDS = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<|im_end|>"];

/** The token that ends a text, by the names it usually has. */
export function endOf(specials: ReadonlyMap<string, number>): number | null {
  const name = ENDS.find((end) => specials.has(end));
  return name === undefined ? null : (specials.get(name) ?? null);
}

/** Text with special tokens in it: those as they are, what is between them encoded. */
export function splitAround(
  text: string,
  specials: ReadonlyMap<string, number>,
  encode: (part: string) => number[],
): number[] {
  const names = [...specials.keys()].filter((name) => name !== "").sort((a, b) => b.length - a.length);
  if (names.length === 0) return encode(text);
  const pattern = new RegExp(`(${names.map((name) => name.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|")})`);
  return text.split(pattern).flatMap((part) => {
    const id = specials.get(part);
    return id === undefined ? encode(part) : [id];
  });
}

function wordsOf(
  pre: PreTokenizer | null | undefined,
  name: string,
): { readonly words: (text: string) => string[]; readonly prefixSpace: boolean } {
  const parts = pre?.type === "Sequence" ? (pre.pretokenizers ?? []) : pre === null || pre === undefined ? [] : [pre];
  let words = (text: string): string[] => [text];
  let [prefixSpace, byteLevel] = [false, false];
  const match = (pattern: RegExp): ((text: string) => string[]) => {
    const inner = words;
    return (text) => inner(text).flatMap((part) => isolated(part, pattern));
  };
  for (const part of parts) {
    if (
      part.type === "Split" &&
      part.pattern?.Regex !== undefined &&
      part.behavior === "Isolated" &&
      part.invert !== true
    ) {
      words = match(regexOf(part.pattern.Regex, name));
    } else if (part.type === "ByteLevel") {
      byteLevel = true;
      prefixSpace ||= part.add_prefix_space === true;
      if (part.use_regex !== false) words = match(GPT2_WORDS);
    } else
      throw new ExperimentError(
        "unsupported",
        `${name}: this reader knows no pre_tokenizer ${part.type ?? "without type"}`,
      );
  }
  if (!byteLevel) throw new ExperimentError("unsupported", `${name}: expected a byte-level tokenizer`);
  return { words, prefixSpace };
}

function isolated(text: string, pattern: RegExp): string[] {
  const parts: string[] = [];
  let end = 0;
  for (const found of text.matchAll(pattern)) {
    if (found[0] === "") continue;
    if (found.index > end) parts.push(text.slice(end, found.index));
    parts.push(found[0]);
    end = found.index + found[0].length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

/** A pattern of these files in JavaScript, which has no inline `(?i:...)` here. */
export function regexOf(pattern: string, name: string): RegExp {
  const plain = pattern.replace(/\(\?i:((?:[^()]|\([^()]*\))*)\)/g, (_, inner: string) => {
    const both = inner.replace(/[a-zA-Z]/g, (c) => `[${c.toLowerCase()}${c.toUpperCase()}]`);
    return `(?:${both})`;
  });
  try {
    return new RegExp(plain.replace(/([*+?]|\{\d+(?:,\d*)?\})\+/g, "$1"), "gu");
  } catch (cause) {
    throw new ExperimentError("unsupported", `${name}: this pattern cannot be read: ${pattern}`, { cause });
  }
}

/** The character that stands for each byte in GPT-2's vocabulary: printable ones for themselves. */
function byteCharacters(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}
