import { readFileSync } from "node:fs";
import { transform } from "esbuild";
import { expect, test, vi } from "vitest";
import * as root from "../src/index.js";
import { fakeDriver } from "../src/testing/index.js";
import { nothingToTest } from "./on-a-fake-driver.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** Runs the README's example against `api`, and returns what it printed. */
async function runExample(api: object): Promise<readonly (readonly unknown[])[]> {
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
  await run(() => api, { log });
  return log.mock.calls;
}

test("the example of the README says why there is no driver, or uses it", async () => {
  const [first] = await runExample(root);
  expect(first!.length).toBeGreaterThan(1);
});

test.skipIf(nothingToTest)("the example of the README runs on a device", async () => {
  const fake = fakeDriver();
  const on = { library: fake.library };
  const printed = await runExample({
    ...root,
    probeDevices: () => root.probeDevices(on),
    openDevice: (selector: string) => root.openDevice(selector, on),
  });
  expect(printed).toEqual([
    ["device", expect.any(Number)],
    [expect.any(Number), []],
  ]);
  fake.dispose();
});

test("the README names every export", () => {
  for (const name of Object.keys(root)) expect(readme, name).toContain(name);
});
