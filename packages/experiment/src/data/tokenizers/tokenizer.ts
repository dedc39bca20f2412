/** Text as token ids and back. */
export interface Tokenizer {
  /** For the artifacts: `byte`, `bpe`, `hf-json`, `tiktoken`. */
  readonly name: string;
  /** Ids are below. */
  readonly vocab_size: number;
  /** The token that ends a text, where there is one. */
  readonly eos_id: number | null;
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
}

/** Each byte of UTF-8 is a token; 256 ends a text. */
export const byteTokenizer: Tokenizer = {
  name: "byte",
  vocab_size: 257,
  eos_id: 256,
  encode: (text) => [...new TextEncoder().encode(text)],
  decode: (ids) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(ids.filter((id) => id < 256))),
};
