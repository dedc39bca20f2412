import { readFileSync, readdirSync } from "node:fs";
import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));

/** The packages that a file of the build imports at once, by itself or through other files of the build. */
function packagesOf(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports = readFileSync(dist + file, "utf8").matchAll(
    /^(?:import|export) (?:[^'"]+ from )?['"]([^'"]+)['"];$/gm,
  );
  const names = [...imports].map(([, name = ""]) => name).filter((name) => !isBuiltin(name));
  return [...new Set(names.flatMap((name) => (name.startsWith("./") ? packagesOf(name.slice(2), seen) : [name])))];
}

function actionFile(action: string): string {
  return readdirSync(dist).find((name) => new RegExp(`^${action}-[A-Z0-9]+\\.js$`).test(name)) ?? "";
}

describe("what is loaded at the start", () => {
  it("is the parser alone, whatever the command", () => {
    expect(packagesOf("index.js")).toEqual(["commander"]);
  });

  it("is also the schema package for ids", () => {
    expect(packagesOf(actionFile("workload-id"))).toEqual(["@vrx/workload-schema"]);
  });
});
