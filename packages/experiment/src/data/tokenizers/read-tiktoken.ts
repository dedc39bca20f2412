import { ExperimentError } from "../../errors.js";
import { BytePairs, GPT2_WORDS, bytesToText, textToBytes } from "./byte-pairs.js";
import { endOf, regexOf, splitAround } from "./read-tokenizer-json.js";
import type { Tokenizer } from "./tokenizer.js";

/** The words of OpenAI's encodings after GPT-2, and of Llama 3's. */
const CL100K =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/**
 * A .tiktoken file: a line per token, its bytes in base64 and its rank, which is its id. Which words it splits texts
 * into is not in the file: GPT-2's where it has 50256 tokens, otherwise those of cl100k and Llama 3. The token after the
 * last one ends a text. Throws `invalid_file` with the line that is none.
 */
export function readTiktoken(text: string, name: string): Tokenizer {
  const ids = new Map<string, number>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const [, token = "", rank = ""] = /^([A-Za-z0-9+/]+=*) (\d+)\r?$/.exec(line) ?? [];
    if (token === "")
      throw new ExperimentError("invalid_file", `${name}:${i + 1}: expected a token in base64 and its rank`);
    ids.set(bytesToText(Buffer.from(token, "base64")), Number(rank));
  }
  if (ids.size < 256)
    throw new ExperimentError("invalid_file", `${name}: expected at least the 256 bytes, found ${ids.size} tokens`);
  const largest = [...ids.values()].reduce((a, b) => Math.max(a, b), 0);
  const specials = new Map([["<|endoftext|>", largest + 1]]);
  const words = ids.size === 50256 ? GPT2_WORDS : regexOf(CL100K, name);
  const pairs = new BytePairs((left, right) => ids.get(left + right));
  const pieces = new Map([...ids].map(([piece, id]) => [id, piece]));
  const encode = (part: string): number[] =>
    [...part.matchAll(words)].flatMap(([word]) => {
      const bytes = bytesToText(new TextEncoder().encode(word));
      const whole = ids.get(bytes);
      if (whole !== undefined) return [whole];
      return pairs.split(bytes).map((piece) => {
        const id = ids.get(piece);
        if (id === undefined) throw new ExperimentError("invalid_file", `${name}: a byte has no token`);
        return id;
      });
    });
  return {
    name: "tiktoken",
    vocab_size: largest + 2,
    eos_id: endOf(specials),
    encode: (whole) => splitAround(whole, specials, encode),
    decode: (list) =>
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(
        textToBytes(list.map((id) => pieces.get(id) ?? "").join("")),
      ),
  };
}
