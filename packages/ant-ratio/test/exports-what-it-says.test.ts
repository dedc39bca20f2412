import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import * as ratio from "../src/index.js";
import { twoSeeds } from "./report/sample-packets.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

it.each(Object.keys(ratio))("the README names %s", (name) => {
  expect(readme).toContain(name);
});

it("the README's first example runs", async () => {
  const example = /```ts\n([^]*?)```/.exec(readme)![1]!;
  const folder = mkdtempSync(join(tmpdir(), "vrx-"));
  const packets = [
    ...twoSeeds(),
    ...twoSeeds({ throughput_tokens_per_s: 1, assoc_byte_disjoint_accuracy: 0.5, batch_size: 8 }),
  ];
  writeFileSync(join(folder, "packets.jsonl"), packets.map((packet) => `${JSON.stringify(packet)}\n`).join(""));
  writeFileSync(
    join(folder, "example.ts"),
    example.replace('"packets.jsonl"', JSON.stringify(join(folder, "packets.jsonl"))),
  );
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    await import(/* @vite-ignore */ join(folder, "example.ts"));
    expect(log.mock.calls).toEqual([[2, 2, { best: 1, worst: 2 }]]);
  } finally {
    log.mockRestore();
    rmSync(folder, { recursive: true, force: true });
  }
});
