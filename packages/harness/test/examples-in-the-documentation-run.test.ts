import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { temporaryFolder } from "./temporary-folder.js";

/** Runs a TypeScript example of a page, counted from 0, and gives the arguments of its console.log calls. */
async function runExample(page: string, index = 0): Promise<unknown[][]> {
  const text = readFileSync(new URL(page, import.meta.url), "utf8");
  const example = [...text.matchAll(/```ts\n([^]*?)```/g)][index]![1]!;
  const folder = temporaryFolder();
  mkdirSync(join(folder, "runs"));
  const file = join(folder, "example.ts");
  writeFileSync(file, example.replaceAll('"runs/', `"${folder}/runs/`).replaceAll("`runs/", `\`${folder}/runs/`));
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    await import(/* @vite-ignore */ file);
    return log.mock.calls;
  } finally {
    log.mockRestore();
  }
}

it("the README's workload of one's own", async () => {
  const [[status, samples]] = (await runExample("../README.md")) as [[string, number]];
  // Whether 20 sleeps are even enough is up to the machine.
  expect(["pass", "fail"]).toContain(status);
  expect(samples).toBe(22);
});

it("the custom harness", async () => {
  const lines = await runExample("../../../docs/custom-harness.md");
  expect(lines.map(([batch_size]) => batch_size)).toEqual([1, 2, 4]);
  for (const [, status, reasons, tokens_per_s, rss_bytes] of lines) {
    expect(["pass", "fail"]).toContain(status);
    expect(reasons).not.toContain("rss_limit");
    expect(tokens_per_s).toBeGreaterThan(0);
    expect(rss_bytes).toBeGreaterThan(1e7);
  }
});

it("the sweep of one's own, in thirty lines of code", async () => {
  const lines = await runExample("../../../docs/custom-harness.md", 1);
  expect(lines.map(([slot_dim, seed]) => [slot_dim, seed])).toEqual([
    [8, 1],
    [8, 2],
    [16, 1],
    [16, 2],
  ]);
  for (const [, , low, rankable] of lines) {
    expect(low).toBeGreaterThan(0.1);
    expect(typeof rankable).toBe("boolean");
  }
  const page = readFileSync(new URL("../../../docs/custom-harness.md", import.meta.url), "utf8");
  const code = [...page.matchAll(/```ts\n([^]*?)```/g)][1]![1]!.split("\n").filter((line) => /[^\s})]/.test(line));
  expect(code.filter((line) => !line.startsWith("import ")).length).toBeLessThanOrEqual(30);
});

it("the search for a batch", async () => {
  const [[status, batch, ratio, probes]] = (await runExample("../../../docs/batch.md")) as [
    [string, number | null, number | null, number],
  ];
  // How much memory a process of Node takes by itself differs between machines and versions.
  expect(["in_band", "best_possible", "best_so_far", "none_passes"]).toContain(status);
  if (batch !== null) expect(ratio).toBeGreaterThan(0.1);
  expect(probes).toBeLessThanOrEqual(2);
});
