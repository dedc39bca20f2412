/**
 * Byte-pair encoding: of neighbouring pieces, the pair with the lowest rank is joined first (Sennrich, Haddow, Birch,
 * 2016). Pieces are strings of one character per byte.
 */
export class BytePairs {
  readonly #rank: (left: string, right: string) => number | undefined;
  readonly #known = new Map<string, readonly string[]>();

  /** `rank` says how early a pair is joined; undefined: never. */
  constructor(rank: (left: string, right: string) => number | undefined) {
    this.#rank = rank;
  }

  /** The pieces that a word comes apart into. */
  split(word: string): readonly string[] {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    let pieces = Array.from(word);
    for (;;) {
      let best: { readonly at: number; readonly rank: number } | undefined;
      for (let i = 0; i + 1 < pieces.length; i++) {
        const rank = this.#rank(pieces[i] ?? "", pieces[i + 1] ?? "");
        if (rank !== undefined && (best === undefined || rank < best.rank)) best = { at: i, rank };
      }
      if (best === undefined) break;
      const { at } = best;
      pieces = [...pieces.slice(0, at), (pieces[at] ?? "") + (pieces[at + 1] ?? ""), ...pieces.slice(at + 2)];
    }
    if (this.#known.size < 100_000) this.#known.set(word, pieces);
    return pieces;
  }
}

/** The words that are encoded by themselves in GPT-2: letters, digits or signs, each with the space before it. */
export const GPT2_WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Bytes as a string of one character each, and back. */
export function bytesToText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function textToBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}
