import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { run } from "../src/run.js";
import { copyWorkspace } from "../src/workspace-copy.js";

const copy = copyWorkspace();
afterAll(() => copy.remove());

/** Lints one project of a fresh copy, after planting `source` in it. */
function lintWith(project: string, file: string, source: string): { status: number | null; output: string } {
  const path = join(copy.dir, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, source);
  try {
    const { status, stdout, stderr } = run("npx", ["nx", "run", `${project}:lint`, "--skip-nx-cache"], copy.dir, {
      NX_DAEMON: "false",
      NX_WORKSPACE_DATA_DIRECTORY: join(copy.dir, ".nx/workspace-data"),
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(path);
  }
}

describe("lint on a fresh clone", () => {
  test("passes as it is", () => {
    const { status, output } = lintWith(
      "@vrx/workload-schema",
      "packages/workload-schema/src/planted.ts",
      "export const planted = 1;\n",
    );
    expect(status, output).toBe(0);
  });

  test("refuses a lower layer that imports a higher one", () => {
    const source = 'import * as harness from "@vrx/harness";\n\nexport const planted = harness;\n';
    const { status, output } = lintWith("@vrx/workload-schema", "packages/workload-schema/src/planted.ts", source);
    expect(status).not.toBe(0);
    expect(output).toContain("@nx/enforce-module-boundaries");
  });

  test("refuses to reach into another package by a relative path", () => {
    const source = 'import * as schema from "../../workload-schema/src/index.js";\n\nexport const planted = schema;\n';
    const { status, output } = lintWith("@vrx/harness", "packages/harness/src/planted.ts", source);
    expect(status).not.toBe(0);
    expect(output).toContain("@nx/enforce-module-boundaries");
  });

  test.each([
    ["@vrx/workload-schema", "packages/workload-schema/src/planted.ts"],
    ["@vrx/objective-contract", "packages/objective-contract/src/planted.ts"],
  ])("refuses a module of Node in the pure core of %s", (project, file) => {
    const source = 'import { readFileSync } from "node:fs";\n\nexport const planted = readFileSync;\n';
    const { status, output } = lintWith(project, file, source);
    expect(status).not.toBe(0);
    expect(output).toContain("no-restricted-imports");
  });

  test("refuses export *, default exports and any", () => {
    const source =
      'export * from "./index.js";\n\nexport default function planted(value: any): unknown {\n  return value;\n}\n';
    const { status, output } = lintWith("@vrx/harness", "packages/harness/src/planted.ts", source);
    expect(status).not.toBe(0);
    for (const words of ["Name what is public", "Named exports only", "no-explicit-any"])
      expect(output).toContain(words);
  });
});
