import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

export interface PublishedPackage {
  readonly name: string;
  readonly version: string;
  /** Folder, relative to the root of the workspace. */
  readonly dir: string;
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** Every package of the workspace that goes to the registry. */
export function publishedPackages(): readonly PublishedPackage[] {
  return ["packages", "tools"].flatMap((group) =>
    readdirSync(`${root}/${group}`).flatMap((folder) => {
      const dir = `${group}/${folder}`;
      const manifest = readManifest(dir);
      if (manifest === null || manifest["private"] === true) return [];
      return [{ name: String(manifest["name"]), version: String(manifest["version"]), dir, manifest }];
    }),
  );
}

function readManifest(dir: string): Record<string, unknown> | null {
  try {
    return JSON.parse(readFileSync(`${root}/${dir}/package.json`, "utf8")) as Record<string, unknown>;
  } catch {
    return null;
  }
}
