import { readFileSync } from "node:fs";
import { publint } from "publint";
import { describe, expect, inject, test } from "vitest";
import { mustRun, run } from "../src/run.js";
import { publishedPackages, root } from "../src/workspace.js";

const tarballs = inject("tarballs");

describe.each(publishedPackages())("$name", ({ name, dir, manifest }) => {
  const tarball = tarballs[name]!;
  const files = mustRun("tar", ["-tzf", tarball], root)
    .trim()
    .split("\n")
    .map((file) => file.replace(/^package\//, ""));

  test("carries what users need and nothing else", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "package.json",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "dist/index.js",
        "dist/index.d.ts",
      ]),
    );
    expect(files.filter((file) => /^(test|src|\.nx|coverage)\/|tsconfig|vitest|\.tsbuildinfo$/.test(file))).toEqual([]);
  });

  test("runs no script when it is installed", () => {
    const scripts = manifest["scripts"] as Record<string, string>;
    for (const hook of ["preinstall", "install", "postinstall", "prepare"]) expect(scripts).not.toHaveProperty(hook);
    expect(files).not.toContain("binding.gyp");
  });

  test("states its licence, engines, side effects and home", () => {
    expect(manifest).toMatchObject({
      license: "MIT",
      type: "module",
      engines: { node: ">=20.19" },
      sideEffects: false,
      repository: { directory: dir },
      publishConfig: { access: "public" },
    });
  });

  test("pleases publint", async () => {
    const tarballBytes = readFileSync(tarball);
    const { messages } = await publint({
      pack: {
        tarball: tarballBytes.buffer.slice(tarballBytes.byteOffset, tarballBytes.byteOffset + tarballBytes.length),
      },
      strict: true,
    });
    expect(messages).toEqual([]);
  });

  test("has types that resolve in every module system", () => {
    const { status, stdout, stderr } = run("npx", ["attw", tarball, "--profile", "node16", "--format", "ascii"], root);
    expect(status, stdout + stderr).toBe(0);
  });
});
