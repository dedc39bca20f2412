import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";

/** What a bundler makes of `export { names } from "@vrx/workload-schema"`, all its inputs included. */
async function bundle(names: string): Promise<{ text: string; gzipped: number; inputs: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export { ${names} } from "./src/index.js";`,
      resolveDir: fileURLToPath(new URL("..", import.meta.url)),
    },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    write: false,
    metafile: true,
  });
  const { text, contents } = outputFiles[0]!;
  return { text, gzipped: gzipSync(contents, { level: 9 }).length, inputs: Object.keys(metafile.inputs) };
}

describe("the browser bundle", () => {
  test.each([
    ["computeWorkloadId", 4000],
    ["computeWorkloadId, readWorkloadSpec", 8000],
  ])("of %s has at most %i bytes gzipped", async (names, limit) => {
    const { gzipped, inputs } = await bundle(names);
    expect(gzipped).toBeLessThanOrEqual(limit);
    expect(
      inputs.filter((input) => input.includes("node_modules/")).every((input) => input.includes("@noble/hashes/")),
    ).toBe(true);
  });

  test("of everything asks for no module of Node and no zod", async () => {
    const { text, inputs } = await bundle(
      "readWorkloadSpec, computeWorkloadId, workloadSpecSchema, presets, workloadFromEnv",
    );
    expect(text).not.toMatch(/node:|require\(|^import /m);
    expect(inputs.join()).not.toContain("node_modules/zod");
  });

  test("runs where there is no process, and makes the same ids", async () => {
    const { text } = await bundle("computeWorkloadId, presets");
    const script = text.replace(/export\{(\w+) as computeWorkloadId,(\w+) as presets\};?\s*$/, "$1($2.od1_real);");
    expect(runInNewContext(script, { TextEncoder })).toBe("wl_v1_a87a40941a4c");
  });
});
