import { readFileSync } from "node:fs";
import { transform } from "esbuild";
import { expect, test, vi } from "vitest";
import * as manifest from "../src/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const example = /```ts\n([^]*?)```/.exec(readme)![1]!;

test("the example of the README prints a plan", async () => {
  const { code } = await transform(example, { loader: "ts", format: "cjs", target: "node20" });
  const log = vi.fn<(line: unknown) => void>();
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the example is this package's own
  const run = new Function("require", "console", code) as (load: (name: string) => unknown, console: object) => void;
  run(
    (name) => {
      expect(name).toBe("@vrx/manifest");
      return manifest;
    },
    { log },
  );
  const [text] = log.mock.calls.map(([line]) => String(line));
  expect(text).toContain("- layer=AttentionLayer path=targets[0].system.model.topology.layers[0].topology.layers[1]");
  expect(text).toContain("in=[B, T, 32]");
});

test("the README names every function of the root", () => {
  const names = Object.keys(manifest).filter((name) => !["ManifestError", "openShape", "shape"].includes(name));
  for (const name of names) expect(readme, name).toContain(name);
});

test("the issues that the README shows are those of the reader", () => {
  const shown = /```text\n([^]*?)```/.exec(readme)![1]!;
  const [, text = ""] = /const text = `\n([^]*?)`;/.exec(example) ?? [];
  const wrong = text
    .replaceAll("\\$", "$")
    .replace("width: 16", "width: 15")
    .replace("batch_size: 8", "batch_size: 8, bath_size: 8");
  const read = manifest.readManifest(wrong);
  const issues = read.status === "invalid" ? read.issues : [];
  expect(manifest.formatIssues(issues, { filename: "tiny.yml" })).toBe(shown.trimEnd());
});
