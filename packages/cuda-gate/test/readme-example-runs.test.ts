import { readFileSync } from "node:fs";
import { transform } from "esbuild";
import { expect, test, vi } from "vitest";
import * as gate from "../src/index.js";
import * as node from "../src/node/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the example of the README runs, with a GPU and without", async () => {
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
  await run((name) => (name === "@vrx/cuda-gate" ? gate : node), { log });
  const [first] = log.mock.calls;
  const last = log.mock.calls.at(-1);
  expect(first!.slice(0, 2).every((flag) => typeof flag === "boolean")).toBe(true);
  expect(last).toMatchObject(["--device", { status: "ok" }]);
});

test("the README names every function", () => {
  const functions = Object.entries({ ...gate, ...node }).filter(([, value]) => typeof value === "function");
  for (const [name] of functions) expect(readme, name).toContain(name);
});
