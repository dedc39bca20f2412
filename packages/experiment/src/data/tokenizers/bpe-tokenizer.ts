import { BytePairs, GPT2_WORDS, bytesToText, textToBytes } from "./byte-pairs.js";
import type { Tokenizer } from "./tokenizer.js";

/**
 * Learns byte-pair merges from texts until there are `vocab_size` tokens, the 256 bytes and the one that ends a text
 * included; fewer where nothing occurs twice any more. The most frequent pair first, the first seen among equals.
 */
export function trainBpe(texts: readonly string[], vocab_size: number): Tokenizer {
  const words = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.matchAll(GPT2_WORDS)) {
      const bytes = bytesToText(new TextEncoder().encode(word));
      words.set(bytes, (words.get(bytes) ?? 0) + 1);
    }
  }
  const split = [...words].map(([word, count]) => ({ pieces: Array.from(word), count }));
  const merges: [string, string][] = [];
  while (merges.length + 257 < vocab_size) {
    const pairs = new Map<string, { readonly pair: [string, string]; count: number }>();
    for (const { pieces, count } of split) {
      for (let i = 0; i + 1 < pieces.length; i++) {
        const pair: [string, string] = [pieces[i] ?? "", pieces[i + 1] ?? ""];
        const key = `${pair[0].length} ${pair[0]}${pair[1]}`;
        const known = pairs.get(key);
        if (known === undefined) pairs.set(key, { pair, count });
        else known.count += count;
      }
    }
    const best = [...pairs.values()].reduce((a, b) => (b.count > a.count ? b : a), { pair: ["", ""], count: 1 });
    if (best.count < 2) break;
    const [left, right] = best.pair;
    merges.push([left, right]);
    for (const word of split) {
      const { pieces } = word;
      if (!pieces.includes(left)) continue;
      const joined: string[] = [];
      for (let i = 0; i < pieces.length; i++) {
        if (pieces[i] === left && pieces[i + 1] === right) {
          joined.push(left + right);
          i++;
        } else joined.push(pieces[i] ?? "");
      }
      word.pieces = joined;
    }
  }
  return bpeTokenizer(merges);
}

/** The tokenizer of a list of merges. Bytes are 0 to 255, 256 ends a text, merges follow in order. */
export function bpeTokenizer(merges: readonly (readonly [string, string])[]): Tokenizer & {
  readonly merges: readonly (readonly [string, string])[];
} {
  const ids = new Map<string, number>(Array.from({ length: 256 }, (_, byte) => [String.fromCharCode(byte), byte]));
  const ranks = new Map<string, number>();
  const pieces = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  pieces.push("");
  for (const [rank, [left, right]] of merges.entries()) {
    ranks.set(`${left.length} ${left}${right}`, rank);
    if (!ids.has(left + right)) ids.set(left + right, 257 + rank);
    pieces.push(left + right);
  }
  const pairs = new BytePairs((left, right) => ranks.get(`${left.length} ${left}${right}`));
  return {
    name: "bpe",
    vocab_size: 257 + merges.length,
    eos_id: 256,
    merges,
    encode: (text) =>
      [...text.matchAll(GPT2_WORDS)].flatMap(([word]) =>
        pairs.split(bytesToText(new TextEncoder().encode(word))).map((piece) => ids.get(piece) ?? 0),
      ),
    decode: (list) =>
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(textToBytes(list.map((id) => pieces[id] ?? "").join(""))),
  };
}
