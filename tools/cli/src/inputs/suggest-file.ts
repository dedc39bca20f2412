import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { nearest } from "../frame/nearest.js";
import { printable } from "../frame/printable.js";

// In a larger directory the comparison would take longer than a person waits for an error.
const largestDirectory = 10_000;

/**
 * What to add to "no such file": the entry of the same directory (or of `others`) that was probably meant, or why the
 * name cannot exist; empty when nothing is near.
 */
export function suggestFile(name: string, others: readonly string[] = []): string {
  if (name.includes("\ufffd")) {
    return "; its name on the command line is not UTF-8: rename it, or give it on standard input as `-`";
  }
  const directory = dirname(name);
  const entries = entriesOf(directory).map((entry) => ({ word: entry, full: entryName(name, directory, entry) }));
  const candidates = new Map(entries.map(({ word, full }) => [word, full]));
  for (const other of others) candidates.set(other, other);
  const found = nearest(basename(name), candidates.keys());
  return found === undefined ? "" : `; did you mean ${printable(candidates.get(found) ?? found)}?`;
}

function entryName(name: string, directory: string, entry: string): string {
  return name.includes("/") ? join(directory, entry) : entry;
}

function entriesOf(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory);
    return entries.length > largestDirectory ? [] : entries;
  } catch {
    // The directory is not there or not ours to read: then it has no suggestion to offer.
    return [];
  }
}
