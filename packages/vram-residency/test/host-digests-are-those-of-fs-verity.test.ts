import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { hashViewTree } from "@vrx/native-cuda";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HostDigest } from "../src/host-digest.js";
import { type ModelSource, openModelSource } from "../src/model-source.js";
import { temporaryFolder } from "./temporary-folder.js";
import vectors from "./vectors/vectors.json" with { type: "json" };

async function digestOf(source: ModelSource, piece = 8192) {
  const host = new HostDigest();
  await using model = await openModelSource(source, piece);
  for await (const bytes of model.pieces) await host.update(bytes);
  return await host.finish();
}
async function* chunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
const recorded: Record<string, Buffer> = {
  empty: Buffer.alloc(0),
  "utf8:hello": Buffer.from("hello"),
  "1048576 bytes of 0x00": Buffer.alloc(2 ** 20),
  "4097 bytes of 0xff": Buffer.alloc(4097, 0xff),
};

describe("what the host computes over a model", () => {
  it.each(vectors.fs_verity_sha256_4096.filter(({ salt_hex }) => salt_hex === undefined))(
    "$data",
    async ({ data, digest }) => {
      const bytes = recorded[data]!;
      const { tree_digest, digest: flat } = await digestOf(bytes);
      expect(tree_digest).toBe(digest);
      expect(flat).toBe(createHash("sha256").update(bytes).digest("hex"));
    },
  );

  it("does not depend on how the bytes come", async () => {
    const folder = temporaryFolder();
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 40_000 }),
        fc.integer({ min: 1, max: 20_000 }),
        async (bytes, size) => {
          const file = join(folder, "model");
          writeFileSync(file, bytes);
          const expected = await digestOf(bytes, 4096);
          expect(await digestOf(chunks(bytes, size))).toEqual(expected);
          expect(await digestOf(file)).toEqual(expected);
          expect(await digestOf(pathToFileURL(file), 16_384)).toEqual(expected);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("is of bytes that nobody changes on the way", async () => {
    const bytes = new Uint8Array(10_000).fill(1);
    const model = await openModelSource(bytes, 4096);
    const seen: Uint8Array[] = [];
    for await (const piece of model.pieces) seen.push(piece);
    bytes.fill(2);
    expect(seen.every((piece) => piece.every((byte) => byte === 1))).toBe(true);
  });

  it("is the same for large models, side by side, each on a thread of its own", async () => {
    const piece = 8 * 2 ** 20;
    const sources = [1, 2, 3].map((seed) => Buffer.alloc(2 * piece + 4096 * seed + 5, `model ${seed}`));
    const digests = await Promise.all(sources.map((bytes) => digestOf(bytes, piece)));
    expect(digests.map(({ digest }) => digest)).toEqual(
      sources.map((bytes) => createHash("sha256").update(bytes).digest("hex")),
    );
    for (const [i, { tree_digest }] of digests.entries()) {
      expect(tree_digest).toBe((await hashViewTree(sources[i]!)).digest);
    }
    const given = new HostDigest();
    const buffer = Buffer.allocUnsafeSlow(piece).fill(3);
    await given.update(buffer);
    expect([buffer.length, buffer.at(-1)]).toEqual([piece, 3]);
    given[Symbol.dispose]();
    const file = join(temporaryFolder(), "model");
    writeFileSync(file, sources[0]!);
    expect(await digestOf(file, piece)).toEqual(digests[0]);
  });

  it("refuses what is no file", async () => {
    const folder = temporaryFolder();
    await expect(openModelSource(folder, 4096)).rejects.toThrow(/no regular file/u);
    await expect(openModelSource(join(folder, "none"), 4096)).rejects.toThrow(/cannot be opened/u);
  });
});
