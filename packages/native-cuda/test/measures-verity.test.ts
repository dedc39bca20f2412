import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measureVerity } from "../src/measure-verity.js";
import { loadAddon } from "../src/native-addon.js";
import { hashFileTree } from "../src/tree-hash-host.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "vrx-verity-"));
const file = join(folder, "model");
writeFileSync(file, "the bytes of a model");
afterAll(() => rmSync(folder, { recursive: true }));

const cc = process.env["CC"] ?? "cc";
const why =
  process.platform !== "linux"
    ? "fs-verity is Linux's"
    : loadAddon().status !== "loaded"
      ? "the addon is not built"
      : spawnSync(cc, ["--version"]).status !== 0
        ? "there is no C compiler"
        : null;
if (why !== null) console.log(`skipped: the kernel's measurements: ${why}`);

describe.skipIf(why !== null)("a kernel", () => {
  it("that has no fs-verity here says so, of a path and of an open file", async () => {
    const handle = await open("/dev/null", "r");
    for (const one of ["/dev/null", handle]) {
      expect(await measureVerity(one)).toMatchObject({ status: "unavailable", reason: "unsupported" });
    }
    await handle.close();
    expect(await measureVerity(file)).toMatchObject({
      status: "unavailable",
      reason: expect.stringMatching(/^(?:unsupported|not_enabled)$/u) as string,
    });
    await expect(measureVerity(join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

/** A kernel with fs-verity, which answers with what the environment has. */
describe.skipIf(why !== null)("a kernel with fs-verity", () => {
  const program = join(folder, "src/program.mjs");
  const kernel = join(folder, "kernel.so");
  beforeAll(async () => {
    execFileSync(cc, ["-shared", "-fPIC", "-Wall", "-o", kernel, join(here, "programs/kernel-with-verity.c")]);
    mkdirSync(join(folder, "src"));
    symlinkSync(join(here, "../build"), join(folder, "build"));
    const contents = `
      import { measureVerity } from "./measure-verity.js";
      const words = (error) => ({ code: error.code });
      console.log(JSON.stringify(await measureVerity(process.argv[2]).catch(words)));`;
    await build({
      stdin: { contents, resolveDir: join(here, "../src") },
      bundle: true,
      format: "esm",
      platform: "node",
      outfile: program,
    });
  });
  const ask = (verity: Record<string, string>): unknown => {
    const env = { ...process.env, LD_PRELOAD: kernel, ...verity };
    return JSON.parse(execFileSync(process.execPath, [program, file], { env, encoding: "utf8" }));
  };

  it("gives digest and parameters, the digest being the one that is computed here", async () => {
    const { digest } = await hashFileTree(file);
    const descriptor = Buffer.alloc(256);
    descriptor.set([1, 1, 12, 0]);
    expect(
      ask({ VERITY_ALGORITHM: "1", VERITY_DIGEST: digest, VERITY_DESCRIPTOR: descriptor.toString("hex") }),
    ).toEqual({ status: "measured", algorithm: "sha256", digest, parameters: { block_bytes: 4096, salt: "" } });
    descriptor.set([1, 2, 10, 3]);
    descriptor.set([0xaa, 0xbb, 0xcc], 80);
    expect(
      ask({ VERITY_ALGORITHM: "2", VERITY_DIGEST: "ab".repeat(64), VERITY_DESCRIPTOR: descriptor.toString("hex") }),
    ).toEqual({
      status: "measured",
      algorithm: "sha512",
      digest: "ab".repeat(64),
      parameters: { block_bytes: 1024, salt: "aabbcc" },
    });
  });

  it("that is too old to tell the parameters gives the digest", () => {
    expect(ask({ VERITY_ALGORITHM: "7", VERITY_DIGEST: "cd".repeat(32) })).toEqual({
      status: "measured",
      algorithm: "7",
      digest: "cd".repeat(32),
      parameters: null,
    });
  });

  it.each([
    [61, { status: "unavailable", reason: "not_enabled" }],
    [25, { status: "unavailable", reason: "unsupported" }],
    [95, { status: "unavailable", reason: "unsupported" }],
    [5, { code: "errno 5" }],
  ])("that refuses with errno %d", (errno, outcome) => {
    expect(ask({ VERITY_ERRNO: String(errno) })).toMatchObject(outcome);
  });
});
