import { readFileSync } from "node:fs";
import * as schema from "@vrx/workload-schema";
import { transform } from "esbuild";
import { expect, test, vi } from "vitest";
import * as ring from "../src/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the example of the README prints finite losses and rates", async () => {
  const example = /```ts\n([^]*?)```/.exec(readme)![1]!;
  const { code } = await transform(example.replace(/^import (.*) from (".*");$/gm, "const $1 = load($2);"), {
    loader: "ts",
  });
  const log = vi.fn<(...line: readonly unknown[]) => void>();
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the example is this package's own
  const run = new Function("load", "console", `return (async () => {${code}})()`) as (
    load: (name: string) => unknown,
    console: object,
  ) => Promise<void>;
  await run((name) => (name === "@vrx/ring-engine" ? ring : schema), { log });
  const [first, ...steps] = log.mock.calls;
  expect(["cpu", "reference"]).toContain(first![0]);
  expect(steps.map(([step]) => step)).toEqual([0, 1, 2]);
  expect(steps.flat().every(Number.isFinite)).toBe(true);
});

test("the README names every export", () => {
  for (const name of Object.keys(ring)) expect(readme, name).toContain(name);
});
