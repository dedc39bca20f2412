/** Longest line a program may write, in bytes without its newline. */
export const MAX_LINE_BYTES = 65_536;

const NEWLINE = 0x0a;

/** A piece of a byte stream: a line, the unfinished rest at its end, or the news that a line is too long. */
export type LinePiece = { readonly kind: "line" | "rest"; readonly bytes: Uint8Array } | { readonly kind: "too_long" };

/**
 * Splits a byte stream at newlines, holding at most `maxBytes` of an unfinished line. After `too_long`
 * nothing more comes: where the next line would start is not knowable without reading on for ever.
 */
export async function* splitLines(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<LinePiece, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (heldBytes + end - start > maxBytes) {
        yield { kind: "too_long" };
        return;
      }
      yield { kind: "line", bytes: joined(held, heldBytes, chunk.subarray(start, end)) };
      held = [];
      heldBytes = 0;
      start = end + 1;
    }
    const tail = chunk.subarray(start);
    if (heldBytes + tail.length > maxBytes) {
      yield { kind: "too_long" };
      return;
    }
    if (tail.length > 0) {
      held.push(tail);
      heldBytes += tail.length;
    }
  }
  if (heldBytes > 0) yield { kind: "rest", bytes: joined(held, heldBytes, new Uint8Array(0)) };
}

function joined(held: readonly Uint8Array[], heldBytes: number, last: Uint8Array): Uint8Array {
  if (heldBytes === 0) return last;
  const line = new Uint8Array(heldBytes + last.length);
  let at = 0;
  for (const part of held) {
    line.set(part, at);
    at += part.length;
  }
  line.set(last, at);
  return line;
}
