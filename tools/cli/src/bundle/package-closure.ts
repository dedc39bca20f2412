import { existsSync, readFileSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { CliError } from "../frame/cli-error.js";

/** One package of a bundle: where it is here, and where it goes below the bundle's folder. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  readonly target: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Where the packages of a bundle are. */
const modules = "lib/node_modules";

/**
 * The package in `folder` and all it needs at run time, `extra` packages (optional peers) included. Two versions of
 * one package end up as npm would have put them: the first at the top, the other below the one that needs it.
 * Throws a {@link CliError} that names all packages which are not installed.
 */
export function packageClosure(folder: string, extra: readonly string[]): readonly BundledPackage[] {
  const placed = new Map<string, BundledPackage>();
  const missing: string[] = [];
  const add = (found: string, target: string): BundledPackage => {
    const { name, version } = manifestOf(found);
    const bundled = { name, version, folder: found, target };
    placed.set(target, bundled);
    return bundled;
  };
  const root = realpathSync(folder);
  const queue = [{ bundled: add(root, `${modules}/${manifestOf(root).name}`), more: extra }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { bundled, more } = next;
    const { dependencies = {}, optionalDependencies = {} } = manifestOf(bundled.folder);
    for (const name of [...Object.keys(dependencies), ...more].sort()) {
      const found = installedFolder(name, bundled.folder);
      if (found === null) {
        if (!(name in optionalDependencies)) missing.push(`${name} (needed by ${bundled.name})`);
        continue;
      }
      const top = `${modules}/${name}`;
      if (placed.get(top)?.folder === found) continue;
      const target = placed.has(top) ? `${bundled.target}/node_modules/${name}` : top;
      queue.push({ bundled: add(found, target), more: [] });
    }
  }
  if (missing.length === 0) return [...placed.values()].sort((a, b) => (a.target < b.target ? -1 : 1));
  throw new CliError("bad_environment", `expected these packages to be installed: ${missing.join(", ")}`);
}

/** The files of a package that are needed at run time, as paths relative to its folder. */
export function packageFiles(folder: string): readonly string[] {
  const { files } = manifestOf(folder);
  const all = filesBelow(folder).filter((file) => !/\.(map|d\.[cm]?ts|tsbuildinfo)$/.test(file));
  // What npm has unpacked is what was published; in a checkout the published part has to be picked.
  if (files === undefined || folder.split(sep).includes("node_modules")) return all;
  const kept = [...files.filter((entry) => !entry.startsWith("!")), "package.json", "LICENSE", "bin", "build"];
  const dropped = files.filter((entry) => entry.startsWith("!")).map((entry) => entry.slice(1));
  const within = (file: string, entries: readonly string[]): boolean =>
    entries.some((entry) => file === entry || file.startsWith(`${entry}/`));
  return all.filter(
    (file) => within(file, kept) && !within(file, dropped) && (!file.startsWith("build/") || file.endsWith(".node")),
  );
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((file) => !file.split("/").includes("node_modules"))
    .sort();
}

/** Where Node would find the package from a file of `folder`, also one whose `exports` hide its package.json. */
function installedFolder(name: string, folder: string): string | null {
  for (let place = folder; ; place = dirname(place)) {
    const candidate = join(place, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (place === dirname(place)) return null;
  }
}

function manifestOf(folder: string): Manifest {
  // A package.json that npm has installed has these fields.
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}
