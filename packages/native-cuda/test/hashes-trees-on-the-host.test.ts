import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { hashFileTree, hashFileTreeBy, hashViewTree, hashViewTreeBy, hostTreeMethods } from "../src/tree-hash-host.js";
import { expectedTree, someBytes, vectorData } from "./tree-data.js";
import vectors from "./vectors/fs-verity.json" with { type: "json" };

const folder = mkdtempSync(join(tmpdir(), "vrx-tree-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const methods = hostTreeMethods();

describe.each(methods)("the tree on the host, by %s", (method) => {
  it.each(vectors.fs_verity_sha256_4096)(
    "of $data is what fsverity prints",
    async ({ data, salt_hex, digest, root }) => {
      const bytes = vectorData(data);
      const salt = Buffer.from(salt_hex ?? "", "hex");
      const file = join(folder, "vector");
      writeFileSync(file, bytes);
      const expected = { digest, root: root ?? "0".repeat(64), bytes: bytes.byteLength };
      expect(await hashViewTreeBy(method, bytes, { salt })).toEqual(expected);
      expect(await hashFileTreeBy(method, file, { salt })).toEqual(expected);
    },
  );

  it("agrees with node:crypto for any size, salt and number of threads", async () => {
    const data = someBytes(2_200_000);
    const size = fc.oneof(fc.nat(2_200_000), fc.constantFrom(4095, 4096, 4097, 8192, 524287, 524288, 524289, 1048577));
    const salt = fc.uint8Array({ maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(size, salt, fc.integer({ min: 1, max: 5 }), async (bytes, key, threads) => {
        const part = data.subarray(0, bytes);
        expect(await hashViewTreeBy(method, part, { salt: key, threads })).toEqual(expectedTree(part, key));
      }),
      { numRuns: 20 },
    );
  });
});

describe("hashing a file", () => {
  const refused = (path: string): Promise<unknown> => hashFileTree(path).catch((error: unknown) => error);

  it("says what the file system says", async () => {
    expect(await refused(join(folder, "missing"))).toMatchObject({ code: "ENOENT" });
    expect(await refused(folder)).toMatchObject({ code: "EISDIR" });
    expect(await refused("/dev/null")).toMatchObject({ code: "EINVAL" });
  });

  it("refuses a salt that is too long, and no threads", async () => {
    const view = new Uint8Array(1);
    await expect(hashViewTree(view, { salt: new Uint8Array(33) })).rejects.toThrow(/salt: expected at most 32 bytes/);
    await expect(hashViewTree(view, { threads: 0 })).rejects.toThrow(/threads: expected an integer from 1 to 1024/);
  });

  it.each(methods)("ends when it is told to, by %s", async (method) => {
    const reason = new Error("enough");
    const view = new Uint8Array(200_000_000);
    const abort = new AbortController();
    const hash = hashViewTreeBy(method, view, { signal: abort.signal });
    abort.abort(reason);
    await expect(hash).rejects.toBe(reason);
    await expect(hashViewTreeBy(method, view, { signal: abort.signal })).rejects.toBe(reason);
  });

  it("notices a file that becomes shorter", async () => {
    const file = join(folder, "shrinks");
    writeFileSync(file, new Uint8Array(3_000_000));
    const hash = hashFileTreeBy("javascript", file, { onProgress: () => truncateSync(file, 1_100_000) });
    await expect(hash).rejects.toThrow(/became shorter/);
  });
});
