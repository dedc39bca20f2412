import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { manifestJsonSchema } from "../src/index.js";

const file = fileURLToPath(new URL("../schema/manifest_v2.schema.json", import.meta.url));

test("the committed JSON Schema is the one of the sources", async () => {
  await expect(`${JSON.stringify(manifestJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(file);
});

test("every reference in it leads somewhere", () => {
  const text = readFileSync(file, "utf8");
  const { $defs } = JSON.parse(text) as { readonly $defs: Readonly<Record<string, unknown>> };
  const names = [...text.matchAll(/"#\/\$defs\/([^"]+)"/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => !Object.hasOwn($defs, name!))).toEqual([]);
});
