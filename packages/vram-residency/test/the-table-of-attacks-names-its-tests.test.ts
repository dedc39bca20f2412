import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { defences } from "./defences/defences.js";
import { fileOf, without } from "./defences/mutate-on-load.js";

const page = readFileSync(new URL("../../../docs/residency.md", import.meta.url), "utf8");
const rows = page
  .split("\n")
  .filter((line) => /^\| \d+ /u.test(line))
  .map((line) => {
    const [, row, surface, attack, state, by, test] = line.split("|").map((cell) => cell.trim());
    return { row: Number(row), surface: Number(surface), attack, state, by, test: test ?? "" };
  });
const stopped = rows.filter(({ state }) => state !== "out of scope");
/** Rows whose defence is of @vrx/native-cuda, in C; its own tests are named. */
const native = stopped.filter(({ test }) => test.startsWith("native-cuda: "));

it("has at least 43 rows, each with a state", () => {
  expect(rows.map(({ row }) => row)).toEqual(rows.map((_, i) => i + 1));
  expect(rows.length).toBeGreaterThanOrEqual(43);
  for (const { state, surface, attack } of rows) {
    expect(["closed", "detected", "out of scope"], attack).toContain(state);
    expect(surface).toBeGreaterThanOrEqual(1);
  }
});

it("names a test that is there for each attack that is closed or detected", () => {
  for (const { row, test } of stopped) {
    const [of, name] = test.startsWith("native-cuda: ") ? ["native-cuda", test.slice(13)] : ["vram-residency", test];
    expect(existsSync(new URL(`../../${of}/test/${name}.test.ts`, import.meta.url)), `${row}: ${test}`).toBe(true);
  }
});

it("has a defence that can be taken away for each of them", () => {
  const own = stopped.filter((row) => !native.includes(row));
  expect(defences.map(({ row, test }) => [row, test])).toEqual(own.map(({ row, test }) => [row, test]));
  for (const defence of defences) {
    expect(without(defence, readFileSync(fileOf(defence), "utf8"))).not.toContain("VRX_DEFENCE");
  }
});
