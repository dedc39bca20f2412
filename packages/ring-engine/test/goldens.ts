import { readFileSync, readdirSync } from "node:fs";
import { type RingGolden, readGolden } from "../src/golden.js";
import { createReferenceBackend } from "../src/reference-backend.js";
import type { GoldenEngine } from "../src/replay-golden.js";

const folder = new URL("./vectors/", import.meta.url);

/** The recorded runs, as texts by file name. */
export const goldenTexts: ReadonlyMap<string, string> = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => [name, readFileSync(new URL(name, folder), "utf8")]),
);

export function goldenOf(text: string): RingGolden {
  const read = readGolden(text);
  if (read.status === "invalid") throw new Error(read.issues.map(({ message }) => message).join("\n"));
  return read.golden;
}

export const referenceEngine: GoldenEngine = {
  kind: "reference",
  precisions: ["fp64"],
  createBackend: createReferenceBackend,
};
