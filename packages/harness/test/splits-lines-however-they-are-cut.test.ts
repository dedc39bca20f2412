import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LinePiece, MAX_LINE_BYTES, splitLines } from "../src/command/split-lines.js";

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function pieces(chunks: readonly Uint8Array[], maxBytes?: number): Promise<string[]> {
  const found: string[] = [];
  for await (const piece of splitLines(streamOf(chunks), maxBytes)) found.push(shown(piece));
  return found;
}

const shown = (piece: LinePiece): string =>
  piece.kind === "too_long" ? "too_long" : `${piece.kind}:${Buffer.from(piece.bytes).toString("latin1")}`;

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)];
};

describe("splitLines", () => {
  it("gives the same lines for every way of cutting the stream", async () => {
    const bytes = fc
      .uint8Array({ maxLength: 200 })
      .map((array) => Buffer.from(array.map((byte) => (byte < 40 ? 0x0a : byte))));
    await fc.assert(
      fc.asyncProperty(bytes, fc.array(fc.nat(20), { maxLength: 30 }), async (stream, sizes) => {
        const lines = stream.toString("latin1").split("\n");
        const rest = lines.pop();
        const expected = lines.map((line) => `line:${line}`);
        if (rest !== "") expected.push(`rest:${rest}`);
        expect(await pieces(cut(stream, sizes))).toEqual(expected);
      }),
    );
  });

  it("ends at a line over the limit, wherever the cuts are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.nat(7), { maxLength: 20 }),
        async (length, sizes) => {
          const stream = Buffer.from(`ab\n${"x".repeat(length)}\ncd\n`);
          const expected = length > 10 ? ["line:ab", "too_long"] : ["line:ab", `line:${"x".repeat(length)}`, "line:cd"];
          expect(await pieces(cut(stream, sizes), 10)).toEqual(expected);
        },
      ),
    );
  });

  it("holds no more than the limit of an endless line", async () => {
    let produced = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        produced += 4096;
        yield await Promise.resolve(new Uint8Array(4096).fill(0x78));
      }
    }
    const found: string[] = [];
    for await (const piece of splitLines(endless())) found.push(piece.kind);
    expect(found).toEqual(["too_long"]);
    expect(produced).toBeLessThanOrEqual(MAX_LINE_BYTES + 4096);
  });
});
