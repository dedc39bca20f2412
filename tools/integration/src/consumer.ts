import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./run.js";
import { root } from "./workspace.js";

/**
 * A project of a user's: a fixture folder copied out of the workspace, with the tarballs installed from
 * the registry's side of the fence (nothing resolves into the workspace).
 */
export interface Consumer {
  readonly dir: string;
  remove(): void;
}

export function createConsumer(
  fixture: string,
  tarballs: Readonly<Record<string, string>>,
  extra: Readonly<Record<string, string>> = {},
): Consumer {
  const dir = mkdtempSync(join(tmpdir(), `vrx-consumer-${fixture}-`));
  cpSync(`${root}/tools/integration/fixtures/${fixture}`, dir, { recursive: true });
  const local = Object.fromEntries(Object.entries(tarballs).map(([name, file]) => [name, `file:${file}`]));
  const manifest = {
    name: `consumer-${fixture}`,
    private: true,
    type: fixture.startsWith("cjs") ? "commonjs" : "module",
    dependencies: { ...local, ...extra },
  };
  writeFileSync(join(dir, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  mustRun("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], dir);
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
