import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { program, run } from "./support/child.js";
import { folder } from "./support/runs.js";

it("the example in the README runs and passes", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
  const ended = await run("bash", [
    "-c",
    `cd "$0" && exec "$1" "$2"`,
    folder(),
    process.execPath,
    await program(example),
  ]);
  expect(ended.stderr).toBe("");
  // Whether 20 sleeps are even enough is up to the machine; that both verdicts agree is not.
  expect(ended.stdout).toMatch(/^(pass pass|fail fail) 0\n$/);
});
