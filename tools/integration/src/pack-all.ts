import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { mustRun } from "./run.js";
import { publishedPackages, root } from "./workspace.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Tarball path by package name. */
    tarballs: Readonly<Record<string, string>>;
  }
}

const folder = mkdtempSync(join(tmpdir(), "vrx-tarballs-"));

/** Packs every published package once for all test files. */
export function setup(project: TestProject): void {
  const tarballs: Record<string, string> = {};
  for (const { name, dir } of publishedPackages()) {
    const printed = mustRun("npm", ["pack", "--json", "--pack-destination", folder], `${root}/${dir}`);
    // What a prepack script prints comes before the document.
    const [packed] = JSON.parse(printed.slice(printed.search(/^\[/m))) as [{ filename: string }];
    tarballs[name] = join(folder, packed.filename);
  }
  project.provide("tarballs", tarballs);
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}
