import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ViteUserConfig, defineConfig } from "vitest/config";
import { bundledModulesForVite } from "./bundled.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Tests import the sources of sibling packages, so that no build has to be current. */
function sourceAliases(): { find: RegExp; replacement: string }[] {
  const text = readFileSync(`${root}/tsconfig.source.json`, "utf8");
  const { compilerOptions } = JSON.parse(text) as { compilerOptions: { paths: Record<string, [string]> } };
  return Object.entries(compilerOptions.paths).map(([name, [file]]) => ({
    find: new RegExp(`^${name}$`),
    replacement: `${root}/${file}`,
  }));
}

/** The test configuration of a project; `suite` tells apart several runs of one project (`test`, `packages`, `system`). */
export function tests(project: string, suite = "test", overrides: ViteUserConfig["test"] = {}): ViteUserConfig {
  return defineConfig({
    plugins: [bundledModulesForVite()],
    resolve: { alias: sourceAliases() },
    test: {
      name: `${project}:${suite}`,
      ...(suite === "system"
        ? { include: ["test/system/**/*.test.ts"] }
        : { include: ["test/**/*.test.ts"], exclude: ["test/system/**"] }),
      testTimeout: 60_000,
      hookTimeout: 120_000,
      reporters: ["default", "json"],
      outputFile: { json: `${root}/.test-results/${project}.${suite}.json` },
      ...overrides,
    },
  });
}
