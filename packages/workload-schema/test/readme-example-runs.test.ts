import { readFileSync } from "node:fs";
import { transform } from "esbuild";
import { expect, test, vi } from "vitest";
import * as schema from "../src/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the example of the README prints what it says", async () => {
  const example = /```ts\n([^]*?)```/.exec(readme)![1]!;
  const { code } = await transform(example, { loader: "ts", format: "cjs", target: "node20" });
  const log = vi.fn<(line: unknown) => void>();
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the example is this package's own
  const run = new Function("require", "console", code) as (load: (name: string) => unknown, console: object) => void;
  run(
    (name) => {
      expect(name).toBe("@vrx/workload-schema");
      return schema;
    },
    { log },
  );
  const [id, digest, diffs] = log.mock.calls.map(([line]) => line);
  expect(schema.isWorkloadId(id)).toBe(true);
  expect(String(digest).startsWith(String(id).slice("wl_v1_".length))).toBe(true);
  expect(diffs).toEqual([{ section: "ant_spec", knob: "precision", a: "fp32", b: "bf16", env: "VRX_PRECISION" }]);
});

test("the README names every export of the root", () => {
  for (const name of Object.keys(schema)) expect(readme, name).toContain(name);
});

test("the issues that the README shows are those of the reader", () => {
  const shown = /```text\n([^]*?)```/.exec(readme)![1]!;
  const text = JSON.stringify({ ...schema.presets.od1_small, name: undefined }, null, 2)
    .replace("2048", "2048.0")
    .replace('"fp32"', '"FP32"');
  const read = schema.readWorkloadSpec(text);
  const issues = read.status === "invalid" ? read.issues : [];
  expect(schema.formatIssues(issues, { filename: "spec.json" })).toBe(shown.trimEnd());
});
